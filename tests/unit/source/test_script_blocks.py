"""What is read from the script blocks of Vue, Svelte and Astro files."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from growth import assert_even, assert_linear
from small_repository import edges

from edge_worker.source.languages.javascript.blocks import fenced_scripts, scripts
from edge_worker.source.reader import parse_imports

VUE = """<template>
  <div v-if="a < b">import nothing from './nothing'</div>
</template>

<script lang="ts">
import a from './a'
</script>
<script setup lang="ts">
import type { B } from './b'
const c = () => import('./c')
</script>
<style src="./style.css">
@import './style2.css';
</style>
"""
SVELTE = """<script context="module">import a from './a'</script>
<script>import b from './b'; $: c = b</script>
<svelte:head><script src="https://example.com/x.js"></script></svelte:head>
{#if a}{@html "import './nothing'"}{/if}
"""
ASTRO = """---
import a from './a'
const shown = await import('./b')
if (!shown) return
---
<html>{shown && <a />}</html>
<script>import './c'</script>
<script src="./d.ts"></script>
<script is:inline>import './nothing'</script>
<script type="application/ld+json">{"import": "./nothing"}</script>
"""


def read(text: str, language: str) -> list[tuple[str, str, int]]:
    return [(item.module, item.kinds[0], item.line) for item in parse_imports(language, text.encode()).imports]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("vue", VUE, [("./a", "runtime", 6), ("./b", "type-only", 9), ("./c", "dynamic-literal", 10)]),
        (
            "svelte",
            SVELTE,
            [("./a", "runtime", 1), ("./b", "runtime", 2), ("https://example.com/x.js", "runtime", 3)],
        ),
        (
            "astro",
            ASTRO,
            [("./a", "runtime", 2), ("./b", "dynamic-literal", 3), ("./c", "runtime", 7), ("./d.ts", "runtime", 8)],
        ),
    ],
    ids=["vue", "svelte", "astro"],
)
def test_every_block_is_read_at_its_line(language: str, text: str, expected: object) -> None:
    """All script blocks and the front matter are read, nothing else is, and lines are those of the file."""
    assert read(text, language) == expected
    assert read(text.replace("\n", "\r\n"), language) == expected
    assert read("\ufeff" + text, language) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<!-- <script>import './no'</script> --><script>import './a'</script>", [("./a", "runtime", 1)]),
        ("<!-- <script>import './no'</script>", []),
        ("<docs>\n```vue\n<script>import './no'</script>\n```\n</docs>", []),
        ("<script>const a = '</script>'; import './no'", []),
        ("<script>import './a'\nconst b = '<\\/script>'\nimport './b'</script>", [("./a", 1), ("./b", 3)]),
        ("<SCRIPT LANG=ts>import './a'</SCRIPT >", [("./a", 1)]),
        ("<script\n  lang='ts'\n  generic=\"T extends Map<string, 'x'>\"\n>\nimport './a'\n</script>", [("./a", 5)]),
        ("<script src='./a.ts' />\n<script>import './b'</script>", [("./a.ts", 1), ("./b", 2)]),
        ("<script\n  src=./a.ts></script><script src=./b.ts ></script>", [("./a.ts", 1), ("./b.ts", 2)]),
        ("<script src={address}></script><script src='/site.js'></script>", []),
        ("<script>import './a'</script><script>import './b'</script>", [("./a", 1), ("./b", 1)]),
        ("<script>\nimport './a'", [("./a", 2)]),
        ("<scripts>import './no'</scripts><script>", []),
        ("<p>no script at all</p>", []),
        ("", []),
    ],
)
def test_blocks_are_found_as_a_browser_would(text: str, expected: list[tuple[str, int]]) -> None:
    """Comments hide a block, the first closing tag ends one, and a computed address or the site's own is no import."""
    assert [(module, line) for module, _, line in read(text, "vue")] == [(item[0], item[-1]) for item in expected]


def test_file_without_a_script_is_parsed() -> None:
    """A component of markup alone is read whole and imports nothing."""
    parsed = parse_imports("vue", b"<template>\n<p/>\n</template>")

    assert (parsed.status, parsed.imports) == ("parsed", ())


def test_front_matter_without_an_end_is_no_program() -> None:
    """A fence that nothing closes begins no front matter."""
    assert read("---\nimport './no'\n<p/>", "astro") == []


@pytest.mark.parametrize(
    "part", [b"<script", b"<script a='", b"<script a={", b"<!--", b"<script>", b"---\n", b"<style>"]
)
def test_hostile_blocks_keep_their_length(part: bytes) -> None:
    """Half a megabyte of openings without an end is blanked in time, byte for byte."""
    text = part * (500_000 // len(part))

    assert len(scripts(text)) == len(text)
    assert len(fenced_scripts(text)) == len(text)


@pytest.mark.parametrize("language", ["vue", "svelte", "astro"])
@pytest.mark.parametrize(
    ("size", "shape"),
    [
        (8_000, lambda times: b"<script " + b"a " * times + b"<script"),
        (4_000, lambda times: b"<script " + b" b=\"<script c='\" d='x'" * times),
        (4_000, lambda times: b"<script src='./a.ts' />" * times),
        (4_000, lambda times: b"<script>import './a'</script>" * times),
        (4_000, lambda times: b"<style>a</style><script a={" * times),
        (40_000, lambda times: b"---" + b" " * times + b"\n<script>"),
        (8_000, lambda times: b"---\n" + b" --\n" * times),
    ],
    ids=["attributes", "quotes", "sources", "blocks", "braces", "blanks", "fences"],
)
def test_work_grows_with_a_component(language: str, size: int, shape: Callable[[int], bytes]) -> None:
    """Tags without an end, and very many blocks, cost time and memory in proportion to the text."""
    assert_even(language, shape, size)


@pytest.mark.parametrize(
    "config",
    [
        lambda times: "alias: {" + "'@" + "a" * times,
        lambda times: "alias: {" + "'@a' " * times,
        lambda times: "alias " * times,
        lambda times: "alias: {" + "".join(f"'@{number}': './src',\n" for number in range(times)) + "}",
    ],
    ids=["name", "names", "tables", "aliases"],
)
def test_work_grows_with_a_bundlers_configuration(config: Callable[[int], str]) -> None:
    """Many aliases, a name without an end and many imports cost time in proportion to the texts."""

    def resolved(times: int) -> set[tuple[str, str]]:
        text = "".join(f"import 'a{number}';\n" for number in range(times // 4)) + "import './a'"
        return set(edges({"package.json": "{}", "vite.config.ts": config(times), "src/a.ts": "", "src/b.ts": text}))

    assert resolved(4) == {("src/b.ts", "src/a.ts")}
    assert_linear(resolved, 4_000)


def test_components_are_nodes_that_import_and_are_imported() -> None:
    """Components and modules import each other by the rules of JavaScript, in whatever language a component is."""
    files = {
        "src/main.ts": "import App from './App.vue'",
        "src/App.vue": "<script setup lang='ts'>\nimport Card from './Card.svelte'\nimport { a } from './a'\n</script>",
        "src/Card.svelte": "<script>import Page from './Page.astro'</script>",
        "src/Page.astro": "---\nimport Side from './Side'\n---\n",
        "src/Side.vue": "<script src='./a.ts'></script>",
        "src/a.ts": "",
    }

    assert edges(files) == {
        ("src/main.ts", "src/App.vue"): ("runtime",),
        ("src/App.vue", "src/Card.svelte"): ("runtime",),
        ("src/App.vue", "src/a.ts"): ("runtime",),
        ("src/Card.svelte", "src/Page.astro"): ("runtime",),
        ("src/Page.astro", "src/Side.vue"): ("runtime",),
        ("src/Side.vue", "src/a.ts"): ("runtime",),
    }


@pytest.mark.parametrize(
    ("config", "specifier", "target"),
    [
        ({"app/svelte.config.js": "export default {}"}, "$lib/a", "app/src/lib/a.ts"),
        ({"app/svelte.config.js": "kit: { files: { lib: 'own' } }"}, "$lib/a", "app/own/a.ts"),
        ({"app/vue.config.js": ""}, "@/a", "app/src/a.ts"),
        ({"app/nuxt.config.ts": ""}, "~/a", "app/a.ts"),
        ({"app/nuxt.config.ts": "", "app/app/b.ts": ""}, "@/a", "app/app/a.ts"),
        ({"app/nuxt.config.ts": "", "app/app/b.ts": ""}, "~~/a", "app/a.ts"),
        ({"app/vite.config.ts": "alias: { '@': path.resolve(__dirname, './src') }"}, "@/a", "app/src/a.ts"),
        (
            {"app/vite.config.ts": "alias: {\n    x: 1,\n    '@/': `${new URL('src', import.meta.url)}/`,\n}"},
            "@/a",
            "app/src/a.ts",
        ),
        ({"app/vite.config.js": "alias: [{ find: '@', replacement: '/src' }]"}, "@/a", "app/src/a.ts"),
        ({"app/webpack.config.js": "alias: { '~lib': resolve('src/a.ts') }"}, "~lib", "app/src/a.ts"),
    ],
)
def test_names_that_a_framework_or_a_bundler_gives_to_folders(
    config: dict[str, str], specifier: str, target: str
) -> None:
    """An alias that no tsconfig declares is read from the bundler's configuration, or is the framework's own."""
    files = {
        "app/package.json": "{}",
        **config,
        target: "",
        "app/src/Main.vue": f"<script>import '{specifier}'</script>",
    }

    assert set(edges(files)) == {("app/src/Main.vue", target)}


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"app/vite.config.js": "alias: { '@': '/gone' }"},
        {"other/vue.config.js": ""},
        {"app/vite.config.js": "'@': '/src'"},
    ],
)
def test_alias_without_evidence_is_somebody_elses(config: dict[str, str]) -> None:
    """Without a configuration around the file that names a folder which is there, a name is a package's."""
    files = {**config, "app/package.json": "{}", "app/src/a.ts": "", "app/src/main.ts": "import '@/a'"}

    assert edges(files) == {}

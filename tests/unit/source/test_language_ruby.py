"""What a Ruby file requires and names, and which files that means."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from growth import assert_even, assert_linear
from small_repository import built, edges, graph, targets

from edge_worker.source.reader import read

GEM = "Gem::Specification.new do |s|\n  s.name = 'mine'\n  s.add_dependency 'rack-test', '~> 2'\nend\n"


def required(text: str | bytes) -> list[tuple[str, tuple[str, ...], int]]:
    parsed = read("ruby", text.encode() if isinstance(text, str) else text)
    return [(item.module, item.kinds, item.line) for item in parsed.imports if not item.module.startswith("::")]


def named(text: str) -> list[tuple[str, tuple[str, ...]]]:
    imports = read("ruby", text.encode()).imports
    return [(item.module, item.names) for item in imports if item.module.startswith("::")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("require 'a/b'", "a/b"),
        ('require("a")', "a"),
        ("Kernel.require 'a'", "a"),
        ("require_relative 'a'", "./a"),
        ("require_relative '../a'", "../a"),
        ("require_relative './a/../b'", "./b"),
        ("require './a'", "*/a"),
        ("load 'tasks/a.rake'", "tasks/a.rake"),
        ("autoload :A, 'mine/a'", "mine/a"),
        ("Object.autoload(:A, 'mine/a')", "mine/a"),
        ("require_dependency 'a'", "a"),
        ("require File.expand_path('../a', __FILE__)", "./a"),
        ("require File.expand_path('../../a', __FILE__)", "../a"),
        ("require File.expand_path('a', __dir__)", "./a"),
        ("require File.expand_path('a', File.dirname(__FILE__))", "./a"),
        ("require File.join(File.dirname(__FILE__), '..', 'a')", "../a"),
        ("require File.join(__dir__, 'a', 'b')", "./a/b"),
        ("require File.dirname(__FILE__) + '/a'", "./a"),
        ('require "#{__dir__}/a"', "./a"),
        ('require "#{File.dirname(File.dirname(__FILE__))}/a"', "../a"),
        ("require Rails.root.join('lib', 'a')", "*/lib/a"),
        ('load "#{root}/lib/a.rb"', "*/lib/a.rb"),
        ("require File.expand_path('config/a')", "*/config/a"),
    ],
)
def test_required_paths(text: str, expected: str) -> None:
    """A path is from the file's directory, from the load path, or from a directory that only the run knows."""
    assert required(text) == [(expected, ("runtime",), 1)]


@pytest.mark.parametrize(
    "text",
    [
        "# require 'a'",
        "=begin\nrequire 'a'\n=end",
        "x = <<~EOT\n  require 'a'\nEOT",
        "x = \"require 'a'\"",
        "puts 1\n__END__\nrequire 'a'",
        "require name",
        'require "#{name}"',
        'require "a/#{name}"',
        "YAML.load 'a.yml'",
        "x.require 'a'",
        "requires 'a'",
        "autoload :A",
        "%w[a b].each { |name| require name }",
        "require",
        "require '/usr/lib/a'",
    ],
)
def test_text_that_requires_nothing(text: str) -> None:
    """Comments, strings, computed names and other methods require nothing."""
    assert required(text) == []


def test_kinds_and_lines() -> None:
    """A requirement under a condition or in a method says so."""
    text = "begin\n  require 'a'\nrescue LoadError\nend\nrequire 'b' if x\ndef m\n  require 'c'\nend\n"

    assert required(text) == [
        ("a", ("runtime", "conditional"), 2),
        ("b", ("runtime", "conditional"), 5),
        ("c", ("runtime", "nested"), 7),
    ]


def test_autoload_by_the_name_of_a_constant() -> None:
    """A module of ActiveSupport::Autoload finds a constant below its own path, a folder, or in a file that is told."""
    text = "module A::B\n  extend ActiveSupport::Autoload\n  autoload :HTMLParser\n"
    text += "  autoload_under 'c' do\n    autoload :D\n  end\n  autoload_at 'e/f' do\n    autoload :G\n  end\nend\n"

    assert [module for module, _, _ in required(text)] == ["a/b/html_parser", "a/b/c/d", "e/f"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("User.find", [("::User", ())]),
        ("::User.find", [("::User", ())]),
        ("Admin::User::ROLE", [("::Admin::User::ROLE", ())]),
        ("module A; class B < C; D; end; end", [("::C", ("A",)), ("::D", ("A::B", "A"))]),
        ("class A::B; C; end\nD", [("::C", ("A::B",)), ("::D", ())]),
        ("module A; module B; end; C; end", [("::C", ("A",))]),
        ("module A; class ::B; C; end; end", [("::C", ("B", "A"))]),
        ("User; User; String; File.join", [("::User", ())]),
        ("LIMIT = User", [("::User", ())]),
        ("a::User", [("::User", ())]),
    ],
)
def test_constants_are_named_with_the_modules_around_them(text: str, expected: object) -> None:
    """Each constant is told once in the same modules, the innermost first; definitions and Ruby's own are not."""
    assert named(text) == expected


@pytest.mark.parametrize(
    ("text", "importer", "files", "expected", "confidence"),
    [
        ("require_relative 'a'", "lib/mine.rb", {"lib/a.rb": "", "a.rb": ""}, "lib/a.rb", 1.0),
        ("require_relative 'a.rb'", "lib/mine.rb", {"lib/a.rb": ""}, "lib/a.rb", 1.0),
        ("require_relative '../../a'", "lib/mine.rb", {"a.rb": ""}, None, None),
        ("require 'mine/a'", "lib/mine.rb", {"lib/mine/a.rb": "", "mine.gemspec": GEM}, "lib/mine/a.rb", 1.0),
        ("require 'a'", "test/unit/a_test.rb", {"lib/a.rb": "", "test/a.rb": ""}, "lib/a.rb", 1.0),
        ("require 'helper'", "test/unit/a_test.rb", {"test/helper.rb": ""}, "test/helper.rb", 1.0),
        ("require 'spec_helper'", "spec/a_spec.rb", {"spec/spec_helper.rb": ""}, "spec/spec_helper.rb", 1.0),
        ("require 'one/a'", "two/lib/b.rb", {"one/one.gemspec": GEM, "one/lib/one/a.rb": ""}, "one/lib/one/a.rb", 1.0),
        ("require 'a'", "b.rb", {"x.gemspec": "s.require_paths = ['ext', 'src']", "src/a.rb": ""}, "src/a.rb", 1.0),
        ("require 'a'", "b.rb", {"x.gemspec": "s.require_paths = %w[src]", "src/a.rb": ""}, "src/a.rb", 1.0),
        ("require 'a'", "b.rb", {"examples/x/x.gemspec": GEM, "examples/x/lib/a.rb": ""}, None, None),
        ("require 'config/a'", "bin/b.rb", {"config/a.rb": ""}, "config/a.rb", 0.9),
        ("require 'json'", "bench/b.rb", {"bench/json.rb": "", "json.rb": ""}, None, None),
        ("require './app'", "config.ru", {"app.rb": ""}, "app.rb", 0.9),
        ("load Rails.root.join('lib/a.rake')", "test/b.rb", {"lib/a.rake": ""}, "lib/a.rake", 0.9),
        ("require 'mine'", "lib/mine.rb", {}, None, None),
    ],
)
def test_where_a_path_is_looked_up(
    text: str, importer: str, files: dict[str, str], expected: str | None, confidence: float | None
) -> None:
    """The load path holds lib, test and spec of what encloses the file, then every gem that the repository holds."""
    links = list(built({**files, importer: text}).links())

    assert [(link.target, link.confidence) for link in links] == ([(expected, confidence)] if expected else [])


RAILS = {
    "config/application.rb": "",
    "app/models/user.rb": "",
    "app/models/user/name.rb": "",
    "app/models/admin/user.rb": "",
    "app/models/concerns/named.rb": "",
    "app/controllers/api_controller.rb": "",
    "app/services/o_auth_token.rb": "",
    "lib/tool.rb": "",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("User.find", {"app/models/user.rb"}),
        ("User::Name.new", {"app/models/user/name.rb"}),
        ("User::ROLE", {"app/models/user.rb"}),
        ("module Admin; class Page; User; end; end", {"app/models/admin/user.rb"}),
        ("module Admin; ::User; end", {"app/models/user.rb"}),
        ("class Admin::Page; User; end", {"app/models/user.rb"}),
        ("include Named", {"app/models/concerns/named.rb"}),
        ("APIController", {"app/controllers/api_controller.rb"}),
        ("OAuthToken", {"app/services/o_auth_token.rb"}),
        ("Tool", set()),
        ("Admin", set()),
        ("Net::HTTP", set()),
    ],
)
def test_constants_load_files_in_a_rails_application(text: str, expected: set[str]) -> None:
    """A constant is the file that its name spells below app/*, looked up in the modules around it."""
    assert targets({**RAILS, "app/jobs/some_job.rb": text}, "app/jobs/some_job.rb") == expected
    assert targets({**RAILS, "spec/some_spec.rb": text}, "spec/some_spec.rb") == expected


def test_constants_load_nothing_without_an_application() -> None:
    """The same files without config/application.rb are a library that requires what it uses."""
    files = {path: text for path, text in RAILS.items() if not path.startswith("config")}

    assert targets({**files, "app/jobs/some_job.rb": "User"}, "app/jobs/some_job.rb") == set()


@pytest.mark.parametrize(
    "settings", ["config.autoload_lib(ignore: %w[tasks])", "config.autoload_paths << Rails.root.join('lib')"]
)
def test_library_that_an_application_loads(settings: str) -> None:
    """An application may say that lib is loaded as well."""
    files = {**RAILS, "config/application.rb": settings, "app/models/a.rb": "Tool"}

    assert targets(files, "app/models/a.rb") == {"lib/tool.rb"}


def test_engines_and_applications_beside_each_other() -> None:
    """One's own application comes first, another's is taken when it alone has the constant, and two are no answer."""
    files = {
        "one/config/application.rb": "",
        "one/app/models/user.rb": "",
        "one/app/models/order.rb": "User; Item; Both",
        "two/two.gemspec": GEM,
        "two/app/models/user.rb": "",
        "two/app/models/item.rb": "",
        "two/app/models/both.rb": "",
        "three/three.gemspec": GEM,
        "three/app/models/both.rb": "",
    }

    assert targets(files, "one/app/models/order.rb") == {"one/app/models/user.rb", "two/app/models/item.rb"}


def test_gem_that_zeitwerk_loads() -> None:
    """A gem whose entry sets up a loader finds its constants below its library."""
    files = {
        "mine.gemspec": GEM,
        "lib/mine.rb": "loader = Zeitwerk::Loader.for_gem",
        "lib/mine/a.rb": "module Mine; class A; B; end; end",
        "lib/mine/b.rb": "",
    }

    assert targets(files, "lib/mine/a.rb") == {"lib/mine/b.rb"}
    assert targets({**files, "lib/mine.rb": ""}, "lib/mine/a.rb") == set()


def test_outcomes_are_counted() -> None:
    """A path below a gem of this repository is missed; a constant is no import, and the rest is somebody else's."""
    text = "require 'json'\nrequire 'rack/test'\nrequire 'mine/gone'\nrequire 'mine/native.so'\n"
    text += "require_relative 'gone'\nrequire 'mine/a'\nrequire './gone'\nGone.new\n"
    whole = graph({"mine.gemspec": GEM, "lib/mine/a.rb": "", "lib/mine.rb": text})

    assert (whole.stats.local, whole.stats.external, whole.stats.unresolved_local) == (1, 4, 2)
    assert [item.module for item in whole.unresolved] == ["mine/gone", "./gone"]


def test_rake_files_gemspecs_and_rackups_are_ruby() -> None:
    """The files around a library require it as the library's own files do."""
    files = {
        "mine.gemspec": "require_relative 'lib/mine/version'",
        "lib/mine/version.rb": "",
        "lib/tasks/a.rake": "require 'mine/version'",
        "config.ru": "require 'mine/version'",
    }

    assert set(edges(files)) == {
        ("mine.gemspec", "lib/mine/version.rb"),
        ("lib/tasks/a.rake", "lib/mine/version.rb"),
        ("config.ru", "lib/mine/version.rb"),
    }


def test_broken_files_keep_what_is_there() -> None:
    """Syntax errors and bytes of Latin-1 cost no requirement."""
    broken = "require 'a'\nclass A\n  def m(\n  end end ) ]\nrequire_relative 'b'\n"

    assert {module for module, _, _ in required(broken)} == {"a", "./b"}
    assert required("# é\nrequire 'a'".encode("latin-1")) == [("a", ("runtime",), 2)]
    assert read("ruby", b"\x00\xff").status == "failed"


@pytest.mark.parametrize(
    "part",
    ["[", "(", "require(", "module A;", "def m;", "if x;", "'", "<<A\n", "A::", "=begin\n", "File.join(", "{|x|"],
)
def test_hostile_texts_are_read_in_time(part: str) -> None:
    """Nesting without an end is read or given up, and never aborts."""
    assert read("ruby", part.encode() * 5_000).status in {"parsed", "partial", "failed"}


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        (10_000, lambda times: b"ActiveSupport::Autoload\nmodule " + b"A" * times + b"\n autoload :X\nend"),
        (2_000, lambda times: _autoload(b"module " + b"A" * 10 * times, times)),
        (4_000, lambda times: _autoload(b"autoload_under '" + b"a" * 10 * times + b"' do", times)),
        (4_000, lambda times: b"a" * 10 * times + b" do\n" + b" require 'x'\n" * times + b"end"),
        (4_000, lambda times: b"module A;" * 400 + _each(b"X%d;", times) + b"end;" * 400),
        (4_000, lambda times: b"class A; class ::B;" * 10 + _each(b"X%d;", times) + b"end;" * 20),
        (4_000, lambda times: b"module " + b"A" * 10 * times + b";" + _each(b"X%d;", times) + b"end"),
        (4_000, lambda times: b"class A < " * 400 + b"[" + _each(b"X%d,", times) + b"0]"),
        (1_000, lambda times: b"class ( { [\n" + b"require 'a'\n" * times),
        (8_000, lambda times: b"a" + b".require('x')" * times),
    ],
    ids=[
        "acronym",
        "autoload",
        "folder",
        "method",
        "modules",
        "short-modules",
        "long-module",
        "superclasses",
        "broken",
        "chain",
    ],
)
def test_work_grows_with_the_text(size: int, shape: Callable[[int], bytes]) -> None:
    """Names that hold for many others, and nesting, cost time and memory in proportion to the text."""
    assert_even("ruby", shape, size)


def test_constants_know_the_innermost_modules() -> None:
    """Of very many modules around a constant twenty are told, and of a longer name none."""
    text = "module A;" * 30 + "B;" + "end;" * 30

    assert named(text) == [("::B", tuple("::".join("A" * depth) for depth in range(30, 10, -1)))]
    assert named(f"module A; module {'B' * 600}; C; end; end") == [("::C", ("A",))]


@pytest.mark.parametrize(
    "text",
    [
        lambda times: "module A;" * 40 + "".join(f"X{number};" for number in range(times)) + "end;" * 40,
        lambda times: "".join(f"X{number}{'::A' * 150};" for number in range(times // 20)),
        lambda times: "".join(f"require 'mine/{'a/' * 200}{number}';" for number in range(times // 10)),
        lambda times: "require 'mine/" + "a/" * 10 * times + "'",
    ],
    ids=["modules", "long-constants", "deep-paths", "deep-path"],
)
def test_work_grows_with_what_is_resolved(text: Callable[[int], str]) -> None:
    """Constants in many modules, long ones and deep paths are looked up in time in proportion to the text."""
    files = {**RAILS, "mine.gemspec": GEM}

    assert_linear(lambda times: targets({**files, "app/jobs/job.rb": text(times)}, "app/jobs/job.rb"), 2_000)


@pytest.mark.parametrize(
    ("name", "size", "shape"),
    [
        ("a.gemspec", 4_000, lambda times: "s.require_paths\n" * times),
        ("a.gemspec", 40_000, lambda times: "s.require_paths" + " " * times),
        ("a.gemspec", 40_000, lambda times: "s.name" + " " * times),
        ("a.gemspec", 4_000, lambda times: "add_dependency('a" * times),
        ("Gemfile", 40_000, lambda times: "gem" + " (" * times),
        ("Gemfile", 8_000, lambda times: "".join(f"gem 'a{number}'\n" for number in range(times))),
    ],
    ids=["paths", "blanks", "name", "dependencies", "brackets", "gems"],
)
def test_work_grows_with_a_gemspec(name: str, size: int, shape: Callable[[int], str]) -> None:
    """Calls, blanks and names without an end in a gemspec or Gemfile cost time in proportion to it."""
    files = {"lib/a.rb": "", "b/b.gemspec": "", "b/lib/a.rb": "", "main.rb": "require 'a'"}

    assert_linear(lambda times: targets({**files, name: shape(times)}, "main.rb"), size)


def test_work_grows_with_the_gems_and_what_is_required_together() -> None:
    """A repository of many gems whose files require the same costs time in proportion to both."""

    def resolved(times: int) -> set[str]:
        files = {f"gem{number}/gem{number}.gemspec": "" for number in range(times)}
        files |= {f"gem{number}/lib/a{number}.rb": "require 'json'\nrequire 'a1'" for number in range(times)}
        return targets(files, "gem2/lib/a2.rb")

    assert resolved(3) == {"gem1/lib/a1.rb"}
    assert_linear(resolved, 500)


def _autoload(opening: bytes, times: int) -> bytes:
    return b"ActiveSupport::Autoload\n" + opening + b"\n" + b" autoload :X\n" * times + b"end"


def _each(text: bytes, times: int) -> bytes:
    return b"".join(text % number for number in range(times))


def test_garbage_in_gemspecs_costs_nobody_an_edge() -> None:
    """A gemspec that is no Ruby, leads outside or is no text gives no directories."""
    files: dict[str, str | bytes] = {
        "a.gemspec": b"\xff\xfe\x00",
        "b/b.gemspec": "s.require_paths = ['../..', '/usr', nil]",
        "c/c.gemspec": "s.require_paths = [" * 1000,
        "Gemfile": "gem " * 10_000,
        "lib/a.rb": "",
        "main.rb": "require 'a'",
    }

    assert targets(files, "main.rb") == {"lib/a.rb"}

"""Each language's table: which of its nodes are symbols, and what they are called."""

from __future__ import annotations

import pytest
from chunk_files import assert_whole, chunked, told

_JAVASCRIPT = """
/** Said. */
export class A extends B {
  x = 1;
  go = () => {
    return 1;
  };
  static make() { return new A(); }
}
export const arrow = async (a) => {
  return a;
};
module.exports.named = function () {};
A.prototype.late = function () {
  return 2;
};
export default { methods: { press() { return 1; } } };
describe("x", () => {
  function helper() {
    return 3;
  }
});
"""
_TYPESCRIPT = """
namespace N {
  export interface Shape {
    area(): number;
  }
  export abstract class Round<T> implements Shape {
    abstract area(): number;
    @log()
    size(): number {
      return 1;
    }
  }
}
"""
_GO = """
package p

// Server serves.
type Server[K any] struct {
	name K
}

// Close ends it.
func (s *Server[K]) Close() error {
	return nil
}

func main() {}
"""
_RUST = """
use std::fmt;

mod inner {
    /// Holds.
    #[derive(Debug)]
    pub struct Holder {
        a: i32,
    }

    impl<T> fmt::Display for Holder {
        fn fmt(&self) -> fmt::Result {
            Ok(())
        }
    }
}
"""
_JAVA = """
package a;

/** Said. */
@Tag
public class D extends E {
    int x;

    D() {}

    @Override
    public void move() {
        x++;
    }

    abstract void later();
}
"""
_PHP = """
<?php
namespace App;

#[Entity]
class User extends Model
{
    public $x;

    /** Said. */
    public function name()
    {
        return $this->x;
    }
}

function helper() {}
"""
_RUBY = """
module Shop
  class Cart < Base
    attr_reader :items

    # Said.
    def add(item)
      items << item
    end

    def self.make; end

    private def secret
      1
    end
  end
end
"""
_C = """
#include <stdio.h>

struct point {
  int x;
};

/* Said. */
static int *find(int a) {
  return 0;
}

int declared(int a);
"""
_CPP = """
namespace n::m {
template <typename T>
class Box : public Base {
 public:
  Box();
  int size() const { return 1; }
};
}

int n::Box<int>::grow(int a) {
  return 2;
}
"""


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        pytest.param(
            "javascript",
            _JAVASCRIPT,
            [
                ("class", "A", 1, 3),
                ("method", "A.go", 4, 6),
                ("method", "A.make", 7, 8),
                ("function", "arrow", 9, 11),
                ("function", "named", 12, 12),
                ("method", "A.late", 13, 15),
                ("module", "", 16, 17),
                ("function", "helper", 18, 21),
            ],
            id="javascript",
        ),
        pytest.param(
            "typescript",
            _TYPESCRIPT,
            [
                ("module", "", 1, 1),
                ("class", "N.Shape", 2, 4),
                ("class", "N.Round", 5, 6),
                ("method", "N.Round.size", 7, 12),
            ],
            id="typescript",
        ),
        pytest.param(
            "go",
            _GO,
            [
                ("module", "", 1, 1),
                ("class", "Server", 3, 6),
                ("method", "Server.Close", 8, 11),
                ("function", "main", 13, 13),
            ],
            id="go",
        ),
        pytest.param(
            "rust",
            _RUST,
            [
                ("module", "", 1, 3),
                ("class", "inner.Holder", 4, 8),
                ("class", "inner.Holder", 10, 10),
                ("method", "inner.Holder.fmt", 11, 15),
            ],
            id="rust",
        ),
        pytest.param(
            "java",
            _JAVA,
            [
                ("module", "", 1, 1),
                ("class", "D", 3, 6),
                ("method", "D.D", 8, 8),
                ("method", "D.move", 10, 13),
                ("class", "D", 15, 16),
            ],
            id="java",
        ),
        pytest.param(
            "php",
            _PHP,
            [
                ("module", "", 1, 2),
                ("class", "User", 4, 7),
                ("method", "User.name", 9, 14),
                ("function", "helper", 16, 16),
            ],
            id="php",
        ),
        pytest.param(
            "ruby",
            _RUBY,
            [
                ("class", "Shop", 1, 1),
                ("class", "Shop.Cart", 2, 3),
                ("method", "Shop.Cart.add", 5, 8),
                ("method", "Shop.Cart.make", 10, 10),
                ("method", "Shop.Cart.secret", 12, 16),
            ],
            id="ruby",
        ),
        pytest.param(
            "c",
            _C,
            [("module", "", 1, 1), ("class", "point", 3, 5), ("function", "find", 7, 10), ("module", "", 12, 12)],
            id="c",
        ),
        pytest.param(
            "cpp",
            _CPP,
            [
                ("module", "", 1, 1),
                ("class", "n.m.Box", 2, 5),
                ("method", "n.m.Box.size", 6, 8),
                ("method", "n.Box.grow", 10, 12),
            ],
            id="cpp",
        ),
    ],
)
def test_symbols_of_a_language(language: str, text: str, expected: list[tuple[str, str, int, int]]) -> None:
    """A language's functions, methods and classes are chunks under their names, and the rest is the module's."""
    chunks = chunked("src/file", language, text)

    assert told(chunks) == expected
    assert_whole(text.strip("\n"), chunks)


def test_a_header_of_c_may_be_of_cpp() -> None:
    """A class in a file that is called ``.h`` is a class."""
    assert ("class", "n.m.Box", 2, 5) in told(chunked("box.h", "c", _CPP))


def test_a_page_is_its_scripts_and_lines() -> None:
    """Of a page, the symbols of its scripts are chunks, and the markup is lines."""
    page = """
    <template>
      <p @click="press">{{ name }}</p>
    </template>

    <script setup lang="ts">
    const name = ref("")
    function press() {
      name.value = "x"
    }
    </script>
    """

    chunks = chunked("App.vue", "vue", page)

    assert told(chunks) == [
        ("lines", "", 1, 5),
        ("module", "", 6, 6),
        ("function", "press", 7, 9),
        ("lines", "", 10, 10),
    ]


def test_a_language_without_a_table_is_windows_of_lines() -> None:
    """What has no grammar is cut into windows of forty lines or less, at a blank line where one is near."""
    text = "\n".join("" if n == 35 else f"line {n}" for n in range(1, 101))

    chunks = chunked("a.sh", None, text)

    assert [(chunk.kind, chunk.language) for chunk in chunks] == [("lines", "text")] * 3
    assert [(chunk.start, chunk.end) for chunk in chunks] == [(1, 34), (36, 75), (76, 100)]

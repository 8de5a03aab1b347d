"""The checker itself: every rule finds what it is for, and leaves alone what looks like it."""

import unittest

import code_checks
import docs_checks
import limits
import text_checks
from functions import functions_of
from source_file import SourceFile


def rules(check, path: str, text: str) -> list[tuple[str, int]]:
    return [(found.rule, found.line) for found in check(SourceFile(path, text))]


class Code(unittest.TestCase):
    def test_comments_and_literals_are_blank_and_keep_their_place(self):
        text = 'a; // new X\nauto s = "fork(";  /* two\nlines */ b;\nchar c = \'{\'; int n = 1\'000;\nR"x(new Y)x";'
        code = SourceFile("host/a.cpp", text).code()
        self.assertEqual([len(line) for line in code.split("\n")], [len(line) for line in text.split("\n")])
        for gone in ("new", "fork", "lines", "{"):
            self.assertNotIn(gone, code)
        for kept in ("a;", "b;", "1'000"):
            self.assertIn(kept, code)

    def test_arrow(self):
        self.assertEqual(rules(code_checks.arrow, "host/a.h", '#include "device/b.h"\n'), [("arrow", 1)])
        self.assertEqual(rules(code_checks.arrow, "device/a.h", '\n#include "pipeline/b.h"\n'), [("arrow", 2)])
        self.assertEqual(rules(code_checks.arrow, "device/a.h", '#include "forebay/forebay.h"\n'), [("arrow", 1)])
        self.assertEqual(rules(code_checks.arrow, "bench/a.cpp", '#include "tests/b.h"\n'), [("arrow", 1)])
        self.assertEqual(rules(code_checks.arrow, "host/a.h", '#include "error.h"\n'), [("include", 1)])
        self.assertEqual(rules(code_checks.arrow, "host/a.h", '#include "../host/error.h"\n'), [("include", 1)])
        for path, include in (("pipeline/a.h", "device/b.h"), ("tests/x/a.cpp", "tests/x/b.h"),
                              ("samples/a.cpp", "pipeline/pipeline.h"), ("host/a.h", "host/b.h")):
            self.assertEqual(rules(code_checks.arrow, path, f'#include "{include}"\n#include <vector>\n'), [])

    def test_banned_calls_are_found(self):
        for line in ("  if (fork() == 0) {", "pid = ::fork();", "pid = vfork( );", "cudaDeviceSynchronize();",
                     "std::system(x);", "sleep_for(1ms);", "usleep(5);", "thread.detach();", "auto* x = new Thing;",
                     "auto* x = new std::string(1);", "delete x;", "delete[] x;", "std::malloc(4);",
                     "sprintf(b, c);", "std::printf(x);", "std::cout << x;", "s << std::endl;", "rand();",
                     "using namespace std;"):
            self.assertTrue(rules(code_checks.banned, "host/a.cpp", line + "\n"), line)

    def test_what_only_looks_banned_is_left_alone(self):
        for line in ("refork(x);", "pthread_atfork(a, b, c);", "policy.fork(x);", "// fork() would break it",
                     'throw Error("fork() failed");', "A(const A&) = delete;", "new (place) Header(x);",
                     "std::fprintf(stderr, x);", "std::snprintf(b, n, c);", "file_system(x);", "operand(x);",
                     "int newest = 1;", "using namespace std::chrono_literals;", "renew Thing;"):
            self.assertEqual(rules(code_checks.banned, "host/a.cpp", line + "\n"), [], line)
        self.assertEqual(rules(code_checks.banned, "tests/a.cpp", "std::this_thread::sleep_for(x);\n"), [])
        self.assertEqual(rules(code_checks.banned, "pipeline/cli/a.cpp", "std::cout << x;\n"), [])

    def test_cuda_is_spelled_in_its_folder_only(self):
        self.assertEqual(rules(code_checks.banned, "device/a.cpp", "cudaMemcpyAsync(a);\n"), [("cuda", 1)])
        self.assertEqual(rules(code_checks.banned, "device/a.cpp", "kernel<<<1, 2>>>(a);\n"), [("cuda", 1)])
        self.assertEqual(rules(code_checks.banned, "device/cuda/a.cu", "cudaMemcpyAsync(a);\n"), [])
        self.assertEqual(rules(code_checks.banned, "samples/a.cu", "cudaMalloc(&a, 1);\n"), [("cuda", 1)])

    def test_byte_copies(self):
        for line in ("std::memcpy(a, b, n);", "memmove(a, b, n);", "std::copy_n(a, 1, b);", "std::ranges::copy(a, b);"):
            self.assertEqual(rules(code_checks.byte_copies, "pipeline/new.cpp", line), [("copy", 1)], line)
        self.assertEqual(rules(code_checks.byte_copies, "tests/new.cpp", "std::memcpy(a, b, n);"), [])
        self.assertEqual(rules(code_checks.byte_copies, next(iter(limits.BYTE_COPIES)), "std::memcpy(a, b, n);"), [])
        self.assertEqual(rules(code_checks.byte_copies, "host/new.cpp", "cudaMemcpyAsync(a); copy(a);"), [])

    def test_headers(self):
        self.assertEqual(rules(code_checks.header, "host/a.h", "int x;\n"), [("header", 1)])
        self.assertEqual(rules(code_checks.header, "host/a.h", "// #pragma once\n"), [("header", 1)])
        self.assertEqual(rules(code_checks.header, "host/a.h", "#pragma once\nusing namespace x;\n"), [("header", 1)])
        self.assertEqual(rules(code_checks.header, "host/a.h", "#pragma once\nusing std::size_t;\n"), [])
        self.assertEqual(rules(code_checks.header, "host/a.cpp", "int x;\n"), [])

    def test_macros_are_counted_over_the_whole_tree(self):
        def files(count: int) -> list[SourceFile]:
            return [SourceFile(f"host/{i}.h", f"// #define NOT_ME\n#define ME_{i} 1\n") for i in range(count)]

        self.assertEqual(list(code_checks.macros(files(limits.MACROS_MAX))), [])
        self.assertEqual(len(list(code_checks.macros(files(limits.MACROS_MAX + 1)))), limits.MACROS_MAX + 1)
        self.assertEqual(list(code_checks.macros([SourceFile("tests/a.cpp", "#define A\n#define B\n" * 9)])), [])


class Sizes(unittest.TestCase):
    @staticmethod
    def lengths(text: str) -> list[int]:
        return [function.lines for function in functions_of(SourceFile("host/a.cpp", text))]

    def test_functions_are_found_wherever_they_stand(self):
        self.assertEqual(self.lengths("namespace a {\nclass B {\n  int f() const {\n    return 1;\n  }\n};\n}\n"), [3])
        self.assertEqual(self.lengths("template <class T>\nstd::vector<T> g(T x) noexcept {\n}\n"), [2])
        self.assertEqual(self.lengths("auto h(int x) -> std::vector<int> {\n\n}\n"), [3])
        self.assertEqual(self.lengths("A::A(int x)\n    : a_(x), b_{x} {\n  run();\n}\nint f() { return 1; }\n"), [3, 1])
        self.assertEqual(self.lengths("A::A() : a_{1}, b_(2) {}\n"), [1])
        self.assertEqual(self.lengths('extern "C" const X* entry() {\n  return x;\n}\n'), [3])

    def test_what_is_no_function_is_not_measured(self):
        self.assertEqual(self.lengths("int table[] = {\n  1,\n  2,\n};\nenum class E : int { a, b };\n"), [])
        self.assertEqual(self.lengths("struct alignas(64) S {\n  int x{0};\n};\nconst auto a = std::array{f(1), 2};\n"), [])

    def test_a_lambda_and_braces_in_text_belong_to_their_function(self):
        self.assertEqual(self.lengths('void f() {\n  auto g = [] {\n    return "}";\n  };  // }\n}\n'), [5])

    def test_limits(self):
        def function(lines: int) -> str:
            return "void f() {\n" + "  g();\n" * (lines - 2) + "}\n"

        longest = limits.FUNCTION_LINES_MAX
        self.assertEqual(rules(code_checks.sizes, "host/a.cpp", function(longest)), [])
        self.assertEqual(rules(code_checks.sizes, "host/a.cpp", function(longest + 1)), [("length", 1)])
        self.assertEqual(rules(code_checks.sizes, "tests/a.cpp", function(longest + 1)), [])
        self.assertEqual(rules(code_checks.sizes, "host/a.h", "int x;\n" * limits.FILE_LINES_MAX), [])
        self.assertEqual(len(rules(code_checks.sizes, "host/a.h", "int x;\n" * (limits.FILE_LINES_MAX + 1))), 1)


class Text(unittest.TestCase):
    def test_lines(self):
        self.assertEqual(rules(text_checks.lines, "host/a.cpp", "x" * limits.COLUMNS_MAX + "\n"), [])
        self.assertEqual(rules(text_checks.lines, "host/a.cpp", "é" * limits.COLUMNS_MAX + "\n"), [])
        self.assertEqual(rules(text_checks.lines, "host/a.cpp", "\n" + "x" * 111 + "\n"), [("columns", 2)])
        for path in ("scripts/a", "a.cmake", "host/CMakeLists.txt", "bench/run"):
            self.assertEqual(rules(text_checks.lines, path, "x" * limits.COLUMNS_MAX_SCRIPT + "\n"), [], path)
            self.assertEqual(rules(text_checks.lines, path, "x" * (limits.COLUMNS_MAX_SCRIPT + 1)  + "\n"),
                             [("columns", 1)], path)
        self.assertEqual(rules(text_checks.lines, "docs/a.md", "x" * 200 + "\n"), [])
        self.assertEqual(rules(text_checks.lines, "docs/a.md", "x \n\ty\nz"), [("space", 1), ("space", 2), ("space", 3)])

    def test_unfinished_work(self):
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X"):
            self.assertEqual(rules(text_checks.unfinished, "docs/a.md", f"a\nb {word}: c\n"), [("unfinished", 2)])
        self.assertEqual(rules(text_checks.unfinished, "docs/a.md", "todo mastodon name-XX" + "XXXX\n"), [])

    def test_paths_of_one_machine(self):
        self.assertEqual(rules(text_checks.one_machine, "a.md", "see /ho" + "me/me/x\n"), [("machine", 1)])
        self.assertEqual(rules(text_checks.one_machine, "a.md", "build/home/x $HOME/x ${a}/root/b /usr/include\n"), [])


class Docs(unittest.TestCase):
    def setUp(self):
        sources = [SourceFile("host/error.h", "class Error { int code_; void os_error(); }; // --quiet\n"),
                   SourceFile("docs/a.md", "only_in_prose\n")]
        self.vocabulary = docs_checks.Vocabulary(sources, {"host/error.h", "docs/a.md", "scripts/test"})

    def found(self, text: str) -> list[int]:
        return [found.line for found in docs_checks.references(SourceFile("docs/a.md", text), self.vocabulary)]

    def test_paths(self):
        self.assertEqual(self.found("`host/error.h` `host/` `error.h` `scripts/test --quiet` `build/release`\n"), [])
        self.assertEqual(self.found("`host/gone.h`\n`gone.h` `host/error/`\n"), [1, 2, 2])

    def test_names(self):
        self.assertEqual(self.found("`os_error()` `Error::code_` `--quiet` `plain` `a b` `x = 1`\n"), [])
        self.assertEqual(self.found("`os_failure()`\n`Error::gone_`\n`--loud`\n`only_in_prose`\n"), [1, 2, 3, 4])

    def test_fenced_code_is_an_example(self):
        self.assertEqual(self.found("```\n`gone.h`\n```\n`gone.h`\n"), [4])

    def test_changelog(self):
        self.assertTrue(list(docs_checks.changelog([])))
        self.assertTrue(list(docs_checks.changelog([SourceFile("CHANGELOG.md", "# Changes\n\n## 0.1\n")])))
        self.assertFalse(list(docs_checks.changelog([SourceFile("CHANGELOG.md", "# Changes\n\n## Unreleased\n")])))


if __name__ == "__main__":
    unittest.main()

#include "host/process/function.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "host/channel/channel.h"
#include "host/error.h"
#include "host/process/image.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

int plain(int x) { return x + 1; }

const void* code(int (*function)(int)) { return reinterpret_cast<const void*>(function); }

ErrorCode code_of_resolve(const FunctionId& id, std::string* message = nullptr) {
  try {
    static_cast<void>(resolve_function(id));
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return error.code();
  }
  ADD_FAILURE() << "resolved";
  return ErrorCode::io;
}

struct Unload {
  void operator()(void* library) const noexcept { ::dlclose(library); }
};
using Library = std::unique_ptr<void, Unload>;

Library load(const fs::path& path) { return Library(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)); }

class Folder {
 public:
  Folder() {
    std::string pattern = fs::temp_directory_path() / "forebay-function-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST(Function, OfTheExecutableResolvesToItself) {
  const FunctionId id = function_id_of(code(&plain));
  EXPECT_FALSE(id.empty());
  EXPECT_EQ(id.path[0], '\0');
  EXPECT_EQ(id.image, build_id_of_file("/proc/self/exe"));
  EXPECT_EQ(resolve_function(id), code(&plain));
}

TEST(Function, ATrampolineCallsItsCaptureless) {
  const auto twice = [](int x) { return 2 * x; };
  const auto address = trampoline_of<decltype(twice), int, int>(twice);
  const void* found = resolve_function(function_id_of(code(address)));
  EXPECT_EQ(reinterpret_cast<int (*)(int)>(reinterpret_cast<std::uintptr_t>(found))(21), 42);
}

TEST(Function, OfALinkedLibraryIsFoundWhereItIsLoaded) {
  const void* address = ::dlsym(RTLD_DEFAULT, "strtod");
  ASSERT_NE(address, nullptr);
  const FunctionId id = function_id_of(address);
  EXPECT_TRUE(std::string(id.path.data()).starts_with("/")) << id.path.data();
  EXPECT_EQ(resolve_function(id), address);
}

TEST(Function, OfAnUnloadedLibraryLoadsItOnce) {
  Library library = load(FOREBAY_CROSSING_LIBRARY);
  ASSERT_TRUE(library) << ::dlerror();
  const FunctionId id = function_id_of(::dlsym(library.get(), "crossing_main"));
  library.reset();
  ASSERT_EQ(::dlopen(FOREBAY_CROSSING_LIBRARY, RTLD_NOW | RTLD_NOLOAD), nullptr)
      << "still loaded: nothing to show";
  const void* found = resolve_function(id);
  library = load(FOREBAY_CROSSING_LIBRARY);
  EXPECT_EQ(found, ::dlsym(library.get(), "crossing_main"));
  EXPECT_EQ(found, resolve_function(id));
}

TEST(Function, ALoadedLibraryIsReusedEvenWhereItsFileIsGone) {
  const Folder folder;
  const fs::path copy = folder.path() / "crossing.so";
  fs::copy_file(FOREBAY_OTHER_CROSSING_LIBRARY, copy);
  const Library library = load(copy);
  const void* address = ::dlsym(library.get(), "crossing_main");
  const FunctionId id = function_id_of(address);
  fs::remove(copy);
  EXPECT_EQ(resolve_function(id), address);
}

TEST(Function, AReplacedLibraryIsRefusedBeforeItsCodeRuns) {
  const Folder folder;
  const fs::path copy = folder.path() / "crossing.so";
  FunctionId id = function_id_of(code(&plain));
  id.image = *build_id_of_file(FOREBAY_CROSSING_LIBRARY);
  id.image[0] ^= 0xffU;  // of no library at all
  fs::copy_file(FOREBAY_CROSSING_LIBRARY, copy);
  const std::string path = copy;
  std::copy(path.begin(), path.end(), id.path.begin());
  std::string message;
  EXPECT_EQ(code_of_resolve(id, &message), ErrorCode::protocol);
  EXPECT_TRUE(message.starts_with("worker binary differs: " + path)) << message;
  EXPECT_EQ(::dlopen(copy.c_str(), RTLD_NOW | RTLD_NOLOAD), nullptr) << "it was loaded";
  fs::remove(copy);
  EXPECT_EQ(code_of_resolve(id), ErrorCode::protocol);
  std::ofstream(copy) << "no library";
  EXPECT_EQ(code_of_resolve(id), ErrorCode::protocol);
}

TEST(Function, AnotherExecutablesIdIsRefused) {
  FunctionId id = function_id_of(code(&plain));
  id.image[3] ^= 1U;
  std::string message;
  EXPECT_EQ(code_of_resolve(id, &message), ErrorCode::protocol);
  EXPECT_TRUE(message.starts_with("worker binary differs: the executable")) << message;
}

TEST(Function, AnOffsetOutsideOfCodeIsRefused) {
  FunctionId id = function_id_of(code(&plain));
  for (const std::uint64_t offset : {std::uint64_t{1}, std::uint64_t{1} << 40U, ~std::uint64_t{0}}) {
    id.offset = offset;
    EXPECT_EQ(code_of_resolve(id), ErrorCode::protocol) << offset;
  }
  EXPECT_EQ(code_of_resolve(FunctionId{}), ErrorCode::protocol);
}

TEST(Function, APathWithoutAnEndIsRefused) {
  FunctionId id = function_id_of(code(&plain));
  id.path.fill('x');
  EXPECT_EQ(code_of_resolve(id), ErrorCode::protocol);
}

TEST(Function, WhatIsNoFunctionHasNoId) {
  const int local = 0;
  static int global = 0;
  const Library library = load(FOREBAY_CROSSING_LIBRARY);
  for (const void* address : {static_cast<const void*>(&local), static_cast<const void*>(&global),
                              static_cast<const void*>(nullptr),
                              static_cast<const void*>(::dlsym(library.get(), "crossing_data"))}) {
    try {
      static_cast<void>(function_id_of(address));
      ADD_FAILURE() << address;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::usage);
    }
  }
}

TEST(Function, ALibraryWithoutABuildIdIsRefusedWithTheRemedy) {
  const Library library = load(FOREBAY_NAMELESS_CROSSING_LIBRARY);
  ASSERT_TRUE(library) << ::dlerror();
  EXPECT_FALSE(build_id_of_file(FOREBAY_NAMELESS_CROSSING_LIBRARY));
  try {
    static_cast<void>(function_id_of(::dlsym(library.get(), "crossing_main")));
    FAIL() << "has an id";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    EXPECT_NE(std::string(error.what()).find("-Wl,--build-id"), std::string::npos) << error.what();
  }
}

TEST(Image, FilesThatAreNoImagesHaveNoBuildId) {
  const Folder folder;
  const fs::path file = folder.path() / "file";
  EXPECT_FALSE(build_id_of_file(file));
  EXPECT_FALSE(build_id_of_file(folder.path()));
  std::ofstream(file) << "";
  EXPECT_FALSE(build_id_of_file(file));
  // Cut off anywhere, a real one is refused, not read beyond its end.
  std::ifstream in(FOREBAY_CROSSING_LIBRARY, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  for (std::size_t size = 0; size < 2048 && size < whole.size(); size += 7) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    const auto id = build_id_of_file(file);
    EXPECT_TRUE(!id || id == build_id_of_file(FOREBAY_CROSSING_LIBRARY)) << size;
  }
}

}  // namespace
}  // namespace forebay

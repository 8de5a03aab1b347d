#include <gtest/gtest.h>

#include "host/process/init.h"

// Every test executable can be re-executed as a worker or owner, so init comes first.
int main(int argc, char** argv) {
  forebay::init(argc, argv);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

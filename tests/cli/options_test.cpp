#include "pipeline/cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/error.h"
#include "host/limits.h"
#include "pipeline/cli/command_line.h"
#include "pipeline/cli/option_values.h"

namespace forebay::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Parses the words of `forebay run`; throws what parsing throws.
RunArguments parse(std::vector<std::string> words) {
  CLI::App app;
  RunArguments arguments;
  add_run_options(app, arguments);
  join_triples(words);
  std::reverse(words.begin(), words.end());
  app.parse(words);
  check_run_arguments(app, arguments);
  return arguments;
}

std::string failure_of(std::vector<std::string> words) {
  words.insert(words.begin(), {"photos", "--out", "o"});
  try {
    parse(words);
  } catch (const CLI::ParseError& error) {
    return error.what();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    return error.what();
  }
  return "no error";
}

TEST(Options, DefaultsFeedAResnet) {
  const RunArguments arguments = parse({"photos", "--out", "o"});
  const PipelineOptions& options = arguments.options;
  EXPECT_THAT(arguments.sources, ElementsAre("photos"));
  EXPECT_EQ(options.prepare.resize, 256U);
  EXPECT_EQ(options.prepare.crop, 224U);
  EXPECT_EQ(options.prepare.filter, Filter::bilinear);
  EXPECT_EQ(options.prepare.augment, Augment::none);
  EXPECT_EQ(options.finish.dtype, DType::f32);
  EXPECT_EQ(options.finish.layout, Layout::nchw);
  EXPECT_THAT(options.finish.mean, ElementsAre(0.485F, 0.456F, 0.406F));
  EXPECT_THAT(options.finish.std, ElementsAre(0.229F, 0.224F, 0.225F));
  EXPECT_EQ(options.batch, 64U);
  EXPECT_EQ(options.workers, std::nullopt);
  EXPECT_EQ(options.device, DeviceChoice::automatic);
  EXPECT_EQ(options.on_error, OnError::skip);
  EXPECT_EQ(options.order, Order::index);
  EXPECT_EQ(options.limit, std::nullopt);
  EXPECT_EQ(options.slot_bytes, std::nullopt);
  EXPECT_EQ(options.slots, std::nullopt);
  EXPECT_TRUE(options.decode.apply_exif);
  EXPECT_EQ(options.decode.mode, DecodeMode::needed);
  EXPECT_FALSE(options.decode.strict);
  EXPECT_TRUE(arguments.write_tensors);
  EXPECT_FALSE(arguments.force || arguments.quiet || arguments.json);
}

TEST(Options, EveryOptionArrives) {
  const RunArguments arguments = parse({"a.jpg",
                                        "b",
                                        "@c",
                                        "--out",
                                        "o",
                                        "--resize",
                                        "100",
                                        "--crop",
                                        "90",
                                        "--filter",
                                        "lanczos",
                                        "--mean",
                                        "0.1,0.2,0.3",
                                        "--std",
                                        "1",
                                        "2",
                                        "3",
                                        "--dtype",
                                        "bf16",
                                        "--layout",
                                        "nhwc",
                                        "--batch",
                                        "7",
                                        "--workers",
                                        "3",
                                        "--device",
                                        "cuda:2",
                                        "--placement",
                                        "owner",
                                        "--on-error",
                                        "fail",
                                        "--sink",
                                        "none",
                                        "--order",
                                        "completion",
                                        "--seed",
                                        "18446744073709551615",
                                        "--limit",
                                        "0",
                                        "--slot-mb",
                                        "0.5",
                                        "--slots",
                                        "5",
                                        "--quiet",
                                        "--json",
                                        "--no-exif",
                                        "--decode",
                                        "whole",
                                        "--strict",
                                        "--augment",
                                        "train",
                                        "--force"});
  const PipelineOptions& options = arguments.options;
  EXPECT_THAT(arguments.sources, ElementsAre("a.jpg", "b", "@c"));
  EXPECT_EQ(arguments.out, "o");
  EXPECT_EQ(options.prepare.resize, 100U);
  EXPECT_EQ(options.prepare.crop, 90U);
  EXPECT_EQ(options.prepare.filter, Filter::lanczos);
  EXPECT_EQ(options.prepare.augment, Augment::train);
  EXPECT_EQ(options.prepare.seed, UINT64_MAX);
  EXPECT_THAT(options.finish.mean, ElementsAre(0.1F, 0.2F, 0.3F));
  EXPECT_THAT(options.finish.std, ElementsAre(1.0F, 2.0F, 3.0F));
  EXPECT_EQ(options.finish.dtype, DType::bf16);
  EXPECT_EQ(options.finish.layout, Layout::nhwc);
  EXPECT_EQ(options.batch, 7U);
  EXPECT_EQ(options.workers, 3U);
  EXPECT_EQ(options.device, DeviceChoice::cuda);
  EXPECT_EQ(options.device_ordinal, 2);
  EXPECT_EQ(options.placement, Placement::owner);
  EXPECT_EQ(options.on_error, OnError::fail);
  EXPECT_EQ(options.order, Order::completion);
  EXPECT_EQ(options.limit, 0U);
  EXPECT_EQ(options.slot_bytes, 512U * 1024);
  EXPECT_EQ(options.slots, 5U);
  EXPECT_FALSE(options.decode.apply_exif);
  EXPECT_EQ(options.decode.mode, DecodeMode::whole);
  EXPECT_TRUE(options.decode.strict);
  EXPECT_FALSE(arguments.write_tensors);
  EXPECT_TRUE(arguments.force && arguments.quiet && arguments.json);
}

TEST(Options, ThreeNumbersMayBeSeparatedEitherWay) {
  EXPECT_THAT(parse({"--mean", "0.5", "0.25", "0.125", "photos", "--out", "o"}).options.finish.mean,
              ElementsAre(0.5F, 0.25F, 0.125F));
  EXPECT_THAT(parse({"--mean", "0.5,0.25,0.125", "photos", "--out", "o"}).sources, ElementsAre("photos"));
  for (const char* text : {"0.5 0.25 0.125", "0.5, 0.25,0.125", " 0.5  0.25 , 0.125 "}) {
    EXPECT_THAT(parse({"--mean", text, "1.jpg", "--out", "o"}).options.finish.mean,
                ElementsAre(0.5F, 0.25F, 0.125F));
  }
  EXPECT_THAT(parse({"--mean=0.5,0.25,0.125", "1.jpg", "--out", "o"}).sources, ElementsAre("1.jpg"));
  EXPECT_THAT(parse({"--std", "1", "2", "3", "1.jpg", "--out", "o"}).sources, ElementsAre("1.jpg"));
  EXPECT_THAT(parse({"photos", "--out", "o", "--mean", "-1", "0", "1"}).options.finish.mean,
              ElementsAre(-1.0F, 0.0F, 1.0F));
}

TEST(Options, DevicesHaveNames) {
  const auto device_of = [](const char* text) {
    return parse({"p", "--out", "o", "--device", text}).options;
  };
  EXPECT_EQ(device_of("auto").device, DeviceChoice::automatic);
  EXPECT_EQ(device_of("cpu").device, DeviceChoice::cpu);
  EXPECT_EQ(device_of("cuda").device, DeviceChoice::cuda);
  EXPECT_EQ(device_of("cuda").device_ordinal, 0);
  EXPECT_EQ(device_of("cuda:3").device_ordinal, 3);
}

TEST(Options, EveryBadValueIsOneClearLine) {
  EXPECT_EQ(failure_of({"--batch", "0"}), "--batch: must be a whole number from 1 to 65536, not '0'");
  EXPECT_EQ(failure_of({"--batch", "1e3"}), "--batch: must be a whole number from 1 to 65536, not '1e3'");
  EXPECT_EQ(failure_of({"--crop", "-1"}), "--crop: must be a whole number from 1 to 16384, not '-1'");
  EXPECT_EQ(failure_of({"--resize", ""}), "--resize: must be a whole number from 1 to 16384, not ''");
  EXPECT_EQ(failure_of({"--workers", "1025"}),
            "--workers: must be a whole number from 0 to 1024, not '1025'");
  EXPECT_EQ(failure_of({"--slots", "1"}), "--slots: must be a whole number from 2 to 256, not '1'");
  EXPECT_EQ(failure_of({"--filter", "cubic"}),
            "--filter: must be one of bilinear|bicubic|lanczos|box|nearest, not 'cubic'");
  EXPECT_EQ(failure_of({"--dtype", "f64"}), "--dtype: must be one of u8|f16|bf16|f32, not 'f64'");
  EXPECT_EQ(failure_of({"--layout", "NCHW"}), "--layout: must be one of nchw|nhwc, not 'NCHW'");
  EXPECT_EQ(failure_of({"--slot-mb", "0"}), "--slot-mb: must be above 0 and at most 2048, not '0'");
  EXPECT_EQ(failure_of({"--slot-mb", "nan"}), "--slot-mb: must be a number, not 'nan'");
  EXPECT_EQ(failure_of({"--slot-mb", "4x"}), "--slot-mb: must be a number, not '4x'");
  EXPECT_EQ(failure_of({"--std", "1,0,1"}), "--std: must be above 0 in every colour, not '1,0,1'");
  EXPECT_EQ(failure_of({"--mean", "1,2"}), "--mean: takes three numbers, such as 0.5,0.5,0.5, not '1,2'");
  EXPECT_EQ(failure_of({"--mean", "1", "2"}), "--mean: takes three numbers, such as 0.5,0.5,0.5, not '1,2'");
  EXPECT_EQ(failure_of({"--std", "1,2,3,4"}),
            "--std: takes three numbers, such as 0.5,0.5,0.5, not '1,2,3,4'");
  EXPECT_EQ(failure_of({"--mean", "1e39,0,0"}), "--mean: must fit a 32-bit float, not '1e39,0,0'");
  EXPECT_EQ(failure_of({"--std", "1,1e39,1"}), "--std: must fit a 32-bit float, not '1,1e39,1'");
  EXPECT_EQ(failure_of({"--mean", "a,b,c"}), "--mean: must be a number, not 'a'");
  for (const char* device : {"gpu", "cudax", "cuda0", "CPU", ""}) {
    EXPECT_EQ(failure_of({"--device", device}),
              "--device: must be one of auto|cpu|cuda:N, not '" + std::string(device) + "'");
  }
  for (const char* device : {"cuda:", "cuda:-1", "cuda:x", "cuda:99999"}) {
    EXPECT_THAT(failure_of({"--device", device}), HasSubstr("must be a whole number from 0 to 1023"))
        << device;
  }
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--no-such"},
                                             {"--mean", "1,2"},
                                             {"--mean", "1,2,3,4"},
                                             {"--batch"},
                                             {"--limit", "-1"},
                                             {"--seed", "x"},
                                             {"--placement", "gpu"},
                                             {"--on-error", "stop"},
                                             {"--order", "random"},
                                             {"--sink", "csv"},
                                             {"--decode", "all"},
                                             {"--augment", "test"},
                                             {"--batch", "1", "--batch", "2"}}) {
    EXPECT_NE(failure_of(words), "no error") << words.front();
    EXPECT_EQ(failure_of(words).find('\n'), std::string::npos) << words.front();
  }
}

TEST(Options, PlainPixelsAreNotNormalised) {
  EXPECT_EQ(failure_of({"--dtype", "u8", "--mean", "0,0,0"}),
            "--mean with --dtype u8: plain pixels are not normalised; drop one of them");
  EXPECT_EQ(failure_of({"--std", "1,1,1", "--dtype", "u8"}),
            "--std with --dtype u8: plain pixels are not normalised; drop one of them");
  EXPECT_EQ(failure_of({"--dtype", "u8"}), "no error");
}

TEST(Options, OutIsNeededUnlessNothingIsKept) {
  EXPECT_THROW(parse({"photos"}), Error);
  EXPECT_THROW(parse({"photos", "--out", ""}), Error);
  EXPECT_EQ(parse({"photos", "--sink", "none"}).out, "");
  EXPECT_EQ(parse({"photos", "--sink", "none", "--out", "o"}).out, "o");
}

TEST(CommandLine, EveryUsageErrorIsExitCodeTwo) {
  Console console;
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"fly"}, {"--no-such"}, {"run"}, {"run", "p", "--batch", "x"}, {"doctor", "p"}}) {
    EXPECT_EQ(run_command_line(words, console), ExitCode::usage);
  }
  EXPECT_THROW(static_cast<void>(run_command_line({}, console)), Error);
}

}  // namespace
}  // namespace forebay::cli

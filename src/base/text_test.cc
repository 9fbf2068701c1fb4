// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <map>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/clock.h"
#include "base/environment.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"

namespace calico {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(Split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(Split("a,", ','), ElementsAre("a", ""));
  EXPECT_THAT(Split("", ','), IsEmpty());
}

TEST(Split, IsUndoneByJoin) {
  EXPECT_TRUE(rc::check([](const std::string& text) { RC_ASSERT(Join(Split(text, ','), ",") == text); }));
}

TEST(Trim, TakesBlanksFromBothEnds) {
  EXPECT_EQ(Trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(Trim(" \n"), "");
}

TEST(ReplaceAll, ReplacesEachOnceAndEnds) {
  EXPECT_EQ(ReplaceAll("a.b.c", ".", ".."), "a..b..c");
  EXPECT_EQ(ReplaceAll("aaa", "a", ""), "");
  EXPECT_EQ(ReplaceAll("abc", "", "x"), "abc");
}

TEST(EqualsIgnoreCase, ComparesLettersOnly) {
  EXPECT_TRUE(EqualsIgnoreCase("Allow", "aLLOW"));
  EXPECT_FALSE(EqualsIgnoreCase("Allow", "Allow "));
}

// The cases of Go's time.ParseDuration documentation.
TEST(ParseGoDuration, ReadsWhatGoReads) {
  constexpr long long kSecond = 1'000'000'000;
  EXPECT_EQ(ParseGoDuration("0"), 0);
  EXPECT_EQ(ParseGoDuration("-0"), 0);
  EXPECT_EQ(ParseGoDuration("90s"), 90 * kSecond);
  EXPECT_EQ(ParseGoDuration("1m30s"), 90 * kSecond);
  EXPECT_EQ(ParseGoDuration("1h10m10s"), 4210 * kSecond);
  EXPECT_EQ(ParseGoDuration("100ms"), kSecond / 10);
  EXPECT_EQ(ParseGoDuration("1.5h"), 5400 * kSecond);
  EXPECT_EQ(ParseGoDuration(".5s"), kSecond / 2);
  EXPECT_EQ(ParseGoDuration("-1.5s"), -kSecond * 3 / 2);
  EXPECT_EQ(ParseGoDuration("+5s"), 5 * kSecond);
  EXPECT_EQ(ParseGoDuration("1us2ns"), 1002);
  EXPECT_EQ(ParseGoDuration("1\u00b5s"), 1000);
  EXPECT_EQ(ParseGoDuration("1\u03bcs"), 1000);  // the other letter mu
}

TEST(ParseGoDuration, RefusesWhatGoRefuses) {
  for (const std::string text : {"", "3", "-", "s", ".", "-.", ".s", "+.s", "1.2.3s", "1 s", "1d", "1e5s",
                                 "s1", "1s ", "9999999999h", "nans", "infs", "--1s"}) {
    EXPECT_EQ(ParseGoDuration(text), std::nullopt) << text;
  }
}

TEST(ParseGoDuration, IsExactForWholeUnits) {
  EXPECT_TRUE(rc::check([] {
    const auto ms = *rc::gen::inRange<long long>(0, 10'000'000'000);
    RC_ASSERT(ParseGoDuration(fmt::format("{}ms", ms)) == ms * 1'000'000);
  }));
}

TEST(RandomUuid, IsAVersion4UuidAndNeverTheSame) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string uuid = RandomUuid();
    EXPECT_TRUE(std::regex_match(uuid, form)) << uuid;
    EXPECT_TRUE(seen.insert(uuid).second);
  }
}

// FIPS 180-4 examples.
TEST(Digests, AreThoseOfTheStandard) {
  EXPECT_EQ(Sha1Hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(FormatRfc3339, PrintsWholeSecondsInUtc) {
  const WallTime time = std::chrono::system_clock::from_time_t(1772446272) + std::chrono::milliseconds(999);
  EXPECT_EQ(FormatRfc3339(time), "2026-03-02T10:11:12Z");
  EXPECT_EQ(UnixNanos(time), 1772446272999000000);
}

using Variables = std::map<std::string, std::string>;

TEST(Environment, TakesEmptyForUnset) {
  const Environment environment(Variables{{"A", "x"}, {"EMPTY", ""}});
  EXPECT_EQ(environment.Get("A"), "x");
  EXPECT_EQ(environment.Get("EMPTY"), std::nullopt);
  EXPECT_EQ(environment.GetOr("EMPTY", "y"), "y");
  EXPECT_EQ(environment.GetOr("UNSET", "y"), "y");
}

TEST(Environment, KnowsTheWordsForFalse) {
  for (const std::string word : {"false", "FALSE", "0", "no", "N", "f"})
    EXPECT_FALSE(Environment(Variables{{"A", word}}).GetBool("A", true)) << word;
  for (const std::string word : {"true", "1", "yes", "anything"})
    EXPECT_TRUE(Environment(Variables{{"A", word}}).GetBool("A", false)) << word;
  EXPECT_TRUE(Environment(Variables{{"A", ""}}).GetBool("A", true));
}

TEST(ParseLogLevel, ReadsNamesInAnyCaseAndLeavesTheLevelOtherwise) {
  LogLevel level = LogLevel::kInfo;
  EXPECT_TRUE(ParseLogLevel("Warning", level));
  EXPECT_EQ(level, LogLevel::kWarning);
  EXPECT_FALSE(ParseLogLevel("loud", level));
  EXPECT_EQ(level, LogLevel::kWarning);
}

TEST(Metrics, AreTextInTheFormatOfPrometheus) {
  Counter& counter = RegisterCounter("test_writes_total", "Writes.", {{"table", "a\"b"}});
  counter.Add();
  counter.Add(2);
  EXPECT_EQ(&RegisterCounter("test_writes_total", "Writes.", {{"table", "a\"b"}}), &counter);
  RegisterCounter("test_writes_total", "Writes.", {{"table", "c"}});
  RegisterGauge("test_endpoints", "Endpoints.").Set(-1.5);
  const std::string text = MetricsText();
  EXPECT_THAT(text, HasSubstr("# HELP test_writes_total Writes.\n# TYPE test_writes_total counter\n"));
  EXPECT_THAT(text, HasSubstr("test_writes_total{table=\"a\\\"b\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("test_writes_total{table=\"c\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE test_endpoints gauge\ntest_endpoints -1.5\n"));
  EXPECT_EQ(text.find("# TYPE test_writes_total"), text.rfind("# TYPE test_writes_total")) << "one family";
}

TEST(Error, KeepsErrnoAndPutsContextInFront) {
  const Error error = Error::FromErrno(ENODEV, "set link").WithContext("attach");
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_EQ(error.sys_errno(), ENODEV);
  EXPECT_EQ(error.message(), "attach: set link: No such device");
}

TEST(Utf8, KnowsWhereACharacterEnds) {
  EXPECT_EQ(Utf8Length("a", 0), 1U);
  EXPECT_EQ(Utf8Length("\xc3\xa9", 0), 2U);
  EXPECT_EQ(Utf8Length("x\xe2\x82\xac", 1), 3U);
  EXPECT_EQ(Utf8Length("\xf0\x9f\x98\x80", 0), 4U);
  for (const char* bad :
       {"", "\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xe2\x82",
        "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff"}) {
    EXPECT_EQ(Utf8Length(bad, 0), 0U) << bad;
  }
}

}  // namespace
}  // namespace calico

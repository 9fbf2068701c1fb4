// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.2: the named checks of names and texts.
#include "model/validate/names.h"

#include <regex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace calico::model::validate {
namespace {

using Texts = std::vector<std::string>;

void Expect(bool (*form)(std::string_view), const Texts& sound, const Texts& refused) {
  for (const std::string& text : sound) EXPECT_TRUE(form(text)) << text;
  for (const std::string& text : refused) EXPECT_FALSE(form(text)) << text;
}

TEST(Names, HaveTheFormsOfTheReference) {
  Expect(IsName, {"a", "0", "a-b.c", "rack1-host7", "a--b"},
         {"", "A", "a_b", "-a", "a-", "a..b", ".a", "a.", "a b"});
  Expect(IsNameLabel, {"a", "a-b"}, {"", "a.b", "a-", "A"});
  Expect(IsContainerId, {"a", "A1-b"}, {"", "-a", "a-", "a_b", "a.b"});
  Expect(IsInterface, {"*", "eth0", "a_b.c-d", "123456789012345"},
         {"", "1234567890123456", "eth*", "a b", "a/b"});
  Expect(IsInterfacePattern, {"*", "veth*", "*.calico"}, {"", "a+", "1234567890123456"});
  Expect(IsInterfaceFilter, {"eth+", "a:b", "e.t-h_0"}, {"", "*", "1234567890123456"});
  Expect(IsPrometheusHost, {"localhost", "::1", std::string(64, 'a')}, {"", "a/b", std::string(65, 'a')});
  Expect(IsNamedPort, {"http", "a_B.c-1", std::string(128, 'a')}, {"", "a b", std::string(129, 'a')});
  Expect(IsEndpointPort, {"http", "a-1", "abcdefghijklmno"},
         {"", "80", "-a", "a-", "a--b", "HTTP", "a_b", "abcdefghijklmnop"});
}

TEST(Names, MatchByHandWhatTheRegularExpressionMatches) {
  EXPECT_TRUE(rc::check([] {
    const auto text = *rc::gen::container<std::string>(rc::gen::element('a', '0', '-', '.', 'A'));
    RC_ASSERT(IsName(text) == std::regex_match(text, std::regex(kNameRegex)));
    RC_ASSERT(IsNameLabel(text) == std::regex_match(text, std::regex(kLabelRegex)));
    const std::regex qualified("[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?");
    RC_ASSERT(IsQualifiedName(text) == (text.size() <= 63 && std::regex_match(text, qualified)));
    RC_ASSERT(IsLabelValue(text) ==
              (text.size() <= 63 && (text.empty() || std::regex_match(text, qualified))));
  }));
}

TEST(Names, DoNotExhaustTheStackWithLongTexts) {
  const std::string huge(10'000'000, 'a');
  EXPECT_TRUE(IsName(huge));
  EXPECT_FALSE(IsQualifiedName(huge));
  EXPECT_FALSE(IsLabelValue(huge));
  EXPECT_TRUE(IsRegularExpression(std::string(1'000'000, '(') + std::string(1'000'000, ')')));
}

TEST(Names, KnowAddressesOfCardsKeysAndPeers) {
  Expect(IsMac,
         {"66:3a:ab:01:02:03", "66-3A-AB-01-02-03", "663a.ab01.0203", "02:00:5e:10:00:00:00:01",
          "00:00:00:00:fe:80:00:00:00:00:00:00:02:00:5e:10:00:00:00:01", "0200.5e10.0000.0001"},
         {"", "66:3a:ab:01:02", "66:3a:ab:01:02:0g", "66:3a-ab:01:02:03", "663aab010203",
          "66:3a:ab:01:02:03:", "663a.ab01.020"});
  Expect(IsWireguardKey, {"jlkVyQYooZYzI2wFfNhSZez5eWh44yfq1wKVjLvSXgY="},
         {"", "jlkVyQYooZY=", "jlkVyQYooZYzI2wFfNhSZez5eWh44yfq1wKVjLvSXgYx",
          "jlkVyQYooZYzI2wFfNhSZez5eWh44yfq1wKVjLvSXgZ=", "*lkVyQYooZYzI2wFfNhSZez5eWh44yfq1wKVjLvSXgY="});
  Expect(IsPeerAddress, {"10.0.0.1", "fd00::1", "10.0.0.1:1179", "[fd00::1]:1179"},
         {"", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:", "fd00::1]:179", "[fd00::1]", "[10.0.0.1]:179",
          "host:179"});
  EXPECT_EQ(AddressOfPeer("[fd00::1]:179"), "fd00::1");
  EXPECT_EQ(AddressOfPeer("10.0.0.1:179"), "10.0.0.1");
  EXPECT_EQ(AddressOfPeer("fd00::1"), "fd00::1");
}

TEST(Names, KnowCommunitiesDscpAndLists) {
  Expect(IsCommunity, {"65535:666", "0:0", "4294967295:1:2"},
         {"", "65536:1", "1:65536", "4294967296:1:2", "1", "1:2:3:4", "a:1", "-1:1", "1: 2"});
  Expect(IsDscp, {"0", "63", "EF", "af11", "CS6", "DF"}, {"", "64", "-1", "AF14", "CS7", "x"});
  Expect(IsKeyValueList, {"", "a=b", "a=b,,c=", "a_1=x y"}, {"a", "a-b=c", "=x"});
}

TEST(Names, KnowWhatRe2Compiles) {
  Expect(IsRegularExpression,
         {"", "eth.*", "^((en|wl)[Popsx].*|(eth|wlan).*)", "a{2,3}?", "(?i)abc", "(?P<n>a)", "[[:alpha:]-]+",
          "[]a]", "a{", "a{,2}", R"(\d+\.\d*)", "(?:a|b)??", R"([\]\d-])"},
         {"(", ")", "[a", "*", "a**", "a|*", "(?=a)", "(?<!a)b", R"(\1)", R"(\)", "[z-a]", "a{3,2}",
          "a{1001}", "(?P<>a)", R"(\y)", "a*+"});
}

// The texts of Kubernetes.
TEST(Names, AreRefusedInKubernetesWords) {
  using ::testing::ElementsAre;
  const std::string form =
      "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
      "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
      "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  const std::string subdomain =
      "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
      "'.', "
      "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation "
      "is "
      "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
  EXPECT_THAT(QualifiedNameFaults("projectcalico.org/Name_1"), ElementsAre());
  EXPECT_THAT(QualifiedNameFaults("a b"), ElementsAre("name part " + form));
  EXPECT_THAT(QualifiedNameFaults(""), ElementsAre("name part must be non-empty", "name part " + form));
  EXPECT_THAT(QualifiedNameFaults("/a"), ElementsAre("prefix part must be non-empty"));
  EXPECT_THAT(QualifiedNameFaults("A/a"), ElementsAre(subdomain));
  EXPECT_THAT(QualifiedNameFaults("a/b/c"),
              ElementsAre("a qualified name " + form +
                          " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"));
  EXPECT_THAT(QualifiedNameFaults(std::string(64, 'a')),
              ElementsAre("name part must be no more than 63 bytes"));
  EXPECT_THAT(QualifiedNameFaults(std::string(254, 'a') + "/a"),
              ElementsAre("prefix part must be no more than 253 bytes"));
  EXPECT_THAT(LabelValueFaults(""), ElementsAre());
  EXPECT_THAT(
      LabelValueFaults("b c"),
      ElementsAre("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
                  "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
                  "'my_value',  or '12345', regex used for validation is "
                  "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"));
  EXPECT_THAT(LabelValueFaults(std::string(64, 'a')), ElementsAre("must be no more than 63 bytes"));
}

}  // namespace
}  // namespace calico::model::validate

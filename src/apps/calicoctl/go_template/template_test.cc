// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/go_template/template.h"

#include <gtest/gtest.h>

#include "apps/calicoctl/columns.h"
#include "apps/calicoctl/go_template/functions.h"

namespace calico::calicoctl::go_template {
namespace {

Value Texts(const std::vector<std::string>& texts) {
  std::vector<Value> items;
  for (const std::string& text : texts) items.push_back(Value::Text(text));
  return Value::List(std::move(items));
}

// {metadata: {name, labels}, spec: {cidr, natOutgoing, blockSize, order, nets, bgp: nil}} twice.
Value Data() {
  std::vector<Value> items;
  for (const char* name : {"a", "b"}) {
    const Value labels = Value::Map({{"role", Value::Text("web")}, {"zone", Value::Text("z1")}});
    const Value meta = Value::Struct({{"name", Value::Text(name)}, {"labels", labels}});
    const Value spec = Value::Struct({{"cidr", Value::Text("10.0.0.0/8")},
                                      {"natOutgoing", Value::Bool(true)},
                                      {"blockSize", Value::Integer(26)},
                                      {"order", Value::Float(1e6)},
                                      {"nets", Texts({"n1", "n2", "n3"})},
                                      {"none", Texts({})},
                                      {"bgp", Value()}});
    items.push_back(Value::Struct({{"ObjectMeta", meta}, {"Spec", spec}}));
  }
  return Value::List({Value::Struct({{"Items", Value::List(std::move(items))}})});
}

std::string Shown(const std::string& text) {
  const auto parsed = Template::Parse(text);
  if (!parsed.has_value()) return "parse: " + parsed.error().message();
  const Environment environment{[](const std::string& name) -> Result<std::string> { return name + "!"; }};
  const auto shown = parsed->Execute(Data(), environment);
  return shown.has_value() ? *shown : "error: " + shown.error().message();
}
// `text` with the first item as "."
std::string OfFirst(const std::string& text) {
  return Shown("{{with index (index . 0).Items 0}}" + text + "{{end}}");
}

TEST(GoTemplate, ShowsWhatTheReferencesExampleShows) {
  EXPECT_EQ(Shown("{{range .}}{{range .Items}}{{.ObjectMeta.Name}},{{end}}{{end}}"), "a,b,");
}

TEST(GoTemplate, ReadsFieldsInGosLetterCaseAndThroughEmbeddedStructs) {
  EXPECT_EQ(OfFirst("{{.Spec.CIDR}} {{.Spec.NATOutgoing}} {{.Spec.BlockSize}} {{.Spec.Order}} {{.Name}}"),
            "10.0.0.0/8 true 26 1e+06 a");
  EXPECT_EQ(OfFirst("{{.ObjectMeta.Labels.role}} {{.Labels.nope}} {{.Labels}} {{.Spec.Nets}} {{.Spec.BGP}}"),
            "web <no value> map[role:web zone:z1] [n1 n2 n3] <nil>");
}

TEST(GoTemplate, Branches) {
  EXPECT_EQ(OfFirst("{{if .Spec.BGP}}x{{else if .Spec.NATOutgoing}}y{{else}}z{{end}}"), "y");
  EXPECT_EQ(OfFirst("{{if .Spec.None}}x{{else}}z{{end}}"), "z");
  EXPECT_EQ(OfFirst("{{with .Spec.Nets}}{{len .}}{{else}}none{{end}}"), "3");
  EXPECT_EQ(OfFirst("{{with .Spec.BGP}}x{{else with .Spec.CIDR}}{{.}}{{end}}"), "10.0.0.0/8");
}

TEST(GoTemplate, RangesOverListsAndMaps) {
  EXPECT_EQ(OfFirst("{{range $i, $n := .Spec.Nets}}{{if $i}}, {{end}}{{$i}}={{$n}}{{end}}"),
            "0=n1, 1=n2, 2=n3");
  EXPECT_EQ(OfFirst("{{range $k, $v := .Labels}}{{$k}}:{{$v}};{{end}}"), "role:web;zone:z1;");
  EXPECT_EQ(OfFirst("{{range .Spec.None}}x{{else}}empty{{end}}"), "empty");
  EXPECT_EQ(OfFirst("{{range .Spec.Nets}}{{if eq . \"n2\"}}{{continue}}{{end}}{{.}}{{end}}"), "n1n3");
  EXPECT_EQ(OfFirst("{{range .Spec.Nets}}{{if eq . \"n2\"}}{{break}}{{end}}{{.}}{{end}}"), "n1");
}

TEST(GoTemplate, HasVariables) {
  EXPECT_EQ(OfFirst("{{$x := .Spec.CIDR}}{{$x}} {{$x = \"y\"}}{{$x}}"), "10.0.0.0/8 y");
  EXPECT_EQ(OfFirst("{{$last := \"\"}}{{range .Spec.Nets}}{{$last = .}}{{end}}{{$last}}"), "n3");
  EXPECT_EQ(Shown("{{range .}}{{len $}}{{end}}"), "1");
  EXPECT_EQ(OfFirst("{{$o := .}}{{range .Spec.Nets}}{{$o.ObjectMeta.Name}}{{end}}"), "aaa");
}

TEST(GoTemplate, TrimsAndLeavesCommentsOut) {
  EXPECT_EQ(Shown("a {{- \" b \" -}} \n c"), "a b c");
  EXPECT_EQ(Shown("a {{/* nothing */}} b {{- /* x */ -}} c"), "a  bc");
  EXPECT_EQ(Shown("{{3}}{{-3}}"), "3-3");
}

TEST(GoTemplate, CallsFunctionsAndPipes) {
  EXPECT_EQ(
      OfFirst("{{join .Spec.Nets \"/\"}} {{joinAndTruncate .Spec.Nets \",\" 6}} {{config \"asnumber\"}}"),
      "n1/n2/n3 n1,... asnumber!");
  EXPECT_EQ(OfFirst("{{.Spec.Nets | len | printf \"%03d\"}}"), "003");
  EXPECT_EQ(OfFirst("{{(index .Spec.Nets 1) | printf \"%s-%q\" \"x\"}}"), "x-\"n2\"");
  EXPECT_EQ(Shown("{{print 1 2 \"a\" \"b\" 3}}{{println 1 \"x\"}}"), "1 2ab31 x\n");
}

TEST(GoTemplate, Compares) {
  EXPECT_EQ(OfFirst("{{eq .Spec.BlockSize 26}} {{eq .Spec.CIDR \"x\" \"10.0.0.0/8\"}} {{ne 1 2}} {{lt 1 2}} "
                    "{{le 2 2}} {{gt \"b\" \"a\"}} {{ge 1 2}} {{eq .Spec.Order 1000000}}"),
            "true true true true true true false true");
  EXPECT_EQ(OfFirst("{{and 1 0 2}} {{or 0 \"\" \"x\"}} {{not 0}} {{and true .Spec.CIDR}}"),
            "0 x true 10.0.0.0/8");
  EXPECT_EQ(Shown("{{eq 1 \"1\"}}"),
            "error: template: line 1, column 3: error calling eq: incompatible types for comparison");
  // What decides ends the evaluation: the second part would be an error.
  EXPECT_EQ(OfFirst("{{and .Spec.BGP .Spec.BGP.ASNumber}}{{or true .Spec.BGP.ASNumber}}"), "<nil>true");
}

TEST(GoTemplate, SaysWhereAMistakeIs) {
  EXPECT_EQ(Shown("x\n {{.Foo}}"), "error: template: line 2, column 4: can't evaluate field Foo");
  EXPECT_EQ(
      OfFirst("{{.Spec.Cidrr}}").find("can't evaluate field Cidrr: did you mean cidr?") != std::string::npos,
      true);
  EXPECT_EQ(OfFirst("{{.Spec.BGP.ASNumber}}").find("nil pointer evaluating .ASNumber") != std::string::npos,
            true);
  EXPECT_EQ(Shown("{{range .}}"), "parse: template: line 1, column 1: {{end}} is missing");
  EXPECT_EQ(Shown("{{end}}"), "parse: template: line 1, column 1: unexpected {{end}}");
  EXPECT_EQ(Shown("{{joint .}}"),
            "parse: template: line 1, column 3: function \"joint\" not defined: did you mean join?");
  EXPECT_EQ(Shown("{{$x}}"), "parse: template: line 1, column 3: undefined variable $x");
  EXPECT_EQ(Shown("{{if true}}{{$x := 1}}{{else}}{{$x}}{{end}}"),
            "parse: template: line 1, column 33: undefined variable $x");
  EXPECT_EQ(Shown("{{template \"x\"}}"), "parse: template: line 1, column 1: {{template}} is not supported");
  EXPECT_EQ(Shown("{{\"x}}"), "parse: template: line 1, column 3: unterminated quoted string");
  EXPECT_EQ(
      Shown("{{len}}"),
      "error: template: line 1, column 3: error calling len: wrong number of args for len: want 1 got 0");
  EXPECT_EQ(Shown("{{index . 5}}"),
            "error: template: line 1, column 3: error calling index: index out of range: 5");
  EXPECT_EQ(Shown("{{break}}"), "parse: template: line 1, column 1: {{break}} outside {{range}}");
  EXPECT_EQ(Shown("{{ 1x }}"), "parse: template: line 1, column 4: bad number syntax: 1x");
}

TEST(GoTemplate, LimitsItsDepth) {
  std::string blocks, brackets = "{{";
  for (int i = 0; i < 20000; ++i) {
    blocks += "{{if 1}}";
    brackets += "(";
  }
  EXPECT_NE(Shown(blocks).find("nested too deeply"), std::string::npos);
  EXPECT_NE(Shown(brackets + "}}").find("nested too deeply"), std::string::npos);
}

TEST(GoTemplate, PrintsNumbersAsGoDoes) {
  EXPECT_EQ(GoFloat(100), "100");
  EXPECT_EQ(GoFloat(1.5), "1.5");
  EXPECT_EQ(GoFloat(1e6), "1e+06");
  EXPECT_EQ(GoFloat(1e7), "1e+07");
  EXPECT_EQ(GoFloat(0.0001), "0.0001");
  EXPECT_EQ(GoFloat(0.00001), "1e-05");
  EXPECT_EQ(GoFloat(-0.5), "-0.5");
  EXPECT_EQ(
      GoPrintf("%5d|%-5s|%5.2f|%v|%t|%x|%%", {Value::Integer(7), Value::Text("ab"), Value::Float(1.234),
                                              Texts({"a", "b"}), Value::Bool(true), Value::Integer(255)}),
      "    7|ab   | 1.23|[a b]|true|ff|%");
  EXPECT_EQ(GoPrintf("%d %s", {Value::Text("x")}), "%!d(string=x) %!s(MISSING)");
  EXPECT_EQ(GoPrintf("a", {Value::Integer(1)}), "a%!(EXTRA int=1)");
}

}  // namespace
}  // namespace calico::calicoctl::go_template

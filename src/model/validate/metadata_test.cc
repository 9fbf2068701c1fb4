// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.3.
#include "model/validate/checks.h"
#include "model/validate/names.h"
#include "model/validate/testing/verdict.h"

namespace calico::model::validate {
namespace {

const std::string kGeneral =
    "name must consist of lower case alphanumeric characters, '-' or '.' (regex: "
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$)";
const std::string kLabel =
    "name must consist of lower case alphanumeric characters or '-' (regex: ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$)";

std::string OfName(const std::string& kind, const std::string& name) {
  return OfFields(Parsed(Yaml(kind, "{}", name)));
}
std::string Refused(const std::string& name, const std::string& reason) {
  return Field("Metadata.Name", name, reason);
}

TEST(Metadata, NamesOfMostKindsAreSubdomains) {
  for (const char* kind : {"GlobalNetworkSet", "NetworkSet", "Profile", "BGPPeer", "Node"}) {
    EXPECT_EQ(OfName(kind, "a.b-c.d"), kSound) << kind;
    EXPECT_EQ(OfName(kind, "Pool_A"), Refused("Pool_A", kGeneral)) << kind;
    EXPECT_EQ(OfName(kind, "a..b"), Refused("a..b", kGeneral)) << kind;
  }
  EXPECT_EQ(OfName("Profile", std::string(253, 'a')), kSound);
  EXPECT_EQ(OfName("Profile", std::string(300, 'a')),
            Refused(std::string(300, 'a'), "name is too long by 47 bytes"));
}

TEST(Metadata, TheNameOfATierIsOneLabel) {
  EXPECT_EQ(OfName("Tier", "security"), kSound);
  EXPECT_EQ(OfName("Tier", "a.b"), Refused("a.b", kLabel));
  EXPECT_EQ(OfName("Tier", "A"), Refused("A", kLabel));
  EXPECT_EQ(OfName("Tier", std::string(63, 'a')), kSound);
  EXPECT_EQ(OfName("Tier", std::string(65, 'a')),
            Refused(std::string(65, 'a'), "name is too long by 2 bytes"));
}

TEST(Metadata, NamesOfPoliciesMayHaveATierInFront) {
  for (const char* kind : {"NetworkPolicy", "StagedNetworkPolicy"}) {
    for (const char* name : {"web", "security.web", "knp.default.a.b.c", "ossg.default.x"})
      EXPECT_EQ(OfName(kind, name), kSound) << kind << name;
    for (const char* name : {"a.b.c", "knp.default.A", "Web", "a.", ".a", "knp.other.a"})
      EXPECT_EQ(OfName(kind, name), Refused(name, kLabel)) << kind << name;
  }
  for (const char* kind : {"GlobalNetworkPolicy", "StagedGlobalNetworkPolicy"}) {
    for (const char* name : {"web", "security.web"}) EXPECT_EQ(OfName(kind, name), kSound) << kind << name;
    for (const char* name : {"a.b.c", "knp.default.a.b", "knp.default.a"})
      EXPECT_EQ(OfName(kind, name), Refused(name, kLabel)) << kind << name;
  }
  EXPECT_EQ(OfName("StagedKubernetesNetworkPolicy", "Any_Name!"), kSound);
  EXPECT_EQ(OfName("StagedKubernetesNetworkPolicy", std::string(254, 'a')),
            Refused(std::string(254, 'a'), "name is too long by 1 bytes"));
}

TEST(Metadata, LabelsAndAnnotationsHaveKubernetesForms) {
  const auto said = [](const std::string& kind, const std::string& metadata) {
    return OfFields(Parsed(Yaml(kind, "{}", "a", ", " + metadata)));
  };
  EXPECT_EQ(said("Profile", "labels: {a.b/c: 'd_e', f: ''}, annotations: {A.B/C: 'any text!'}"), kSound);
  EXPECT_EQ(said("Profile", "labels: {'-': x}"),
            Field("Metadata.Labels (label)", "-", QualifiedNameFaults("-")[0]));
  EXPECT_EQ(said("Profile", "labels: {a: 'b c'}"),
            Field("Metadata.Labels (value)", "b c", LabelValueFaults("b c")[0]));
  EXPECT_EQ(said("Profile", "annotations: {'a b': x}"),
            Field("Metadata.Annotations (key)", "a b", QualifiedNameFaults("a b")[0]));
  for (const char* kind : {"NetworkSet", "GlobalNetworkSet"}) {
    EXPECT_EQ(said(kind, "labels: {projectcalico.org/namespace: x}"),
              Field("Metadata.Labels (label)", "projectcalico.org/namespace",
                    "projectcalico.org/namespace is not a valid label name"));
  }
  EXPECT_EQ(said("Profile", "labels: {projectcalico.org/namespace: x}"), kSound);
}

TEST(Metadata, AnnotationsHaveALargestSize) {
  Profile profile;
  profile.metadata.name = "a";
  profile.metadata.annotations["a"] = std::string(262143, 'x');
  EXPECT_EQ(OfFields(profile), kSound);
  profile.metadata.annotations["a"] += "xx";
  EXPECT_EQ(OfFields(profile),
            Field("Metadata.Annotations (key)", "", "total size of annotations is too large by 2 bytes"));
}

}  // namespace
}  // namespace calico::model::validate

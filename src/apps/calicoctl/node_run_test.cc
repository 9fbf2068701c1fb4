// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_run.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "apps/calicoctl/command_line.h"
#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/testing/command_fixture.h"
#include "apps/calicoctl/testing/fake_programs.h"
#include "kernel/testing/fake_sysctl.h"

namespace calico::calicoctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Words = std::vector<std::string>;

Arguments Parsed(Words options) {
  options.insert(options.begin(), {"node", "run"});
  ParsedLine parsed = ParseCommandLine(options, AllCommands());
  EXPECT_TRUE(parsed.arguments.has_value()) << parsed.err;
  return *parsed.arguments;
}
ContainerStore Etcd(bool calico26 = false) {
  ContainerStore store;
  store.calico26 = calico26;
  store.endpoints = "http://127.0.0.1:2379";
  return store;
}
std::string Line(const Words& options, const ContainerStore& store = Etcd()) {
  const auto plan = PlanNodeRun(Parsed(options), store, "rack1-host7");
  return plan.has_value() ? ShellLine(plan->command) : plan.error().message();
}

TEST(NodeRunLine, IsThatOf3x) {
  EXPECT_EQ(
      Line({}),
      "docker run --net=host --privileged --name=calico-node -d --restart=always -e NODENAME=rack1-host7 -e "
      "CALICO_NETWORKING_BACKEND=bird -e CALICO_MANAGE_CNI=false -e ETCD_ENDPOINTS=http://127.0.0.1:2379 -e "
      "ETCD_DISCOVERY_SRV= -v /var/log/calico:/var/log/calico -v /var/run/calico:/var/run/calico -v "
      "/var/lib/calico:/var/lib/calico -v /lib/modules:/lib/modules -v /run:/run quay.io/calico/node:latest");
}

// The reference's line, and the store's type: our image serves both generations.
TEST(NodeRunLine, IsThatOf26OnEtcdV2) {
  EXPECT_EQ(
      Line({}, Etcd(true)),
      "docker run --net=host --privileged --name=calico-node -d --restart=always -e NODENAME=rack1-host7 -e "
      "CALICO_NETWORKING_BACKEND=bird -e CALICO_LIBNETWORK_ENABLED=true -e "
      "ETCD_ENDPOINTS=http://127.0.0.1:2379 -e DATASTORE_TYPE=etcdv2 -v /var/log/calico:/var/log/calico -v "
      "/var/run/calico:/var/run/calico -v /lib/modules:/lib/modules -v /run:/run -v "
      "/run/docker/plugins:/run/docker/plugins -v /var/run/docker.sock:/var/run/docker.sock "
      "quay.io/calico/node:latest");
}

TEST(NodeRunLine, CarriesTheOptions) {
  const std::string line = Line(
      {"--name=n1", "--ip=10.0.0.1", "--ip6=autodetect", "--as=1.10", "--ip-autodetection-method",
       "interface=eth.*", "--ip6-autodetection-method=first-found", "--log-dir=/logs", "--node-image=img",
       "--backend=none", "--felix-config=/f.cfg", "--no-default-ippools", "--init-system"});
  EXPECT_THAT(line, StartsWith("docker run --net=host --privileged --name=calico-node --rm -e NODENAME=n1 -e "
                               "CALICO_NETWORKING_BACKEND=none "));
  EXPECT_THAT(
      line, HasSubstr(" -e NO_DEFAULT_POOLS=true -e 'IP_AUTODETECTION_METHOD=interface=eth.*' -e AS=65546 -e "
                      "IP=10.0.0.1 -e IP6=autodetect "));
  EXPECT_THAT(line, HasSubstr(" -v /logs:/var/log/calico "));
  EXPECT_THAT(line, ::testing::EndsWith(" -v /run:/run -v /f.cfg:/etc/calico/felix.cfg img"));
}

TEST(NodeRunLine, MountsCertificates) {
  ContainerStore store = Etcd();
  store.ca_file = "/pki/ca.pem";
  store.cert_file = "/pki/c.pem";
  EXPECT_THAT(Line({}, store), HasSubstr("-e ETCD_CA_CERT_FILE=/etc/calico/certs/ca_cert.crt"));
  EXPECT_THAT(Line({}, store), Not(HasSubstr("/pki/c.pem"))) << "a certificate without its key is of no use";
  store.key_file = "/pki/k.pem";
  EXPECT_THAT(Line({}, store), HasSubstr("-e ETCD_KEY_FILE=/etc/calico/certs/key.pem -e "
                                         "ETCD_CERT_FILE=/etc/calico/certs/cert.crt"));
  EXPECT_THAT(Line({}, store),
              HasSubstr("-v /pki/ca.pem:/etc/calico/certs/ca_cert.crt -v "
                        "/pki/k.pem:/etc/calico/certs/key.pem -v /pki/c.pem:/etc/calico/certs/cert.crt"));
}

TEST(NodeRunLine, SaysThatSecretsStayHere) {
  ContainerStore store = Etcd();
  store.has_secrets = true;
  const auto plan = PlanNodeRun(Parsed({}), store, "h");
  ASSERT_TRUE(plan.has_value());
  EXPECT_THAT(plan->warnings,
              ElementsAre(StartsWith("WARNING: user name, password and inline certificates")));
}

TEST(NodeRunLine, TakesTheHostsName) {
  const auto name = [](bool calico26) {
    return ShellLine(PlanNodeRun(Parsed({}), Etcd(calico26), "Rack1-Host7")->command);
  };
  EXPECT_THAT(name(false), HasSubstr("NODENAME=rack1-host7 "));
  EXPECT_THAT(name(true), HasSubstr("NODENAME=Rack1-Host7 "));
}

TEST(NodeRunLine, ServesDockerAsAsked) {
  const std::string off = Line({"--disable-docker-networking"}, Etcd(true));
  EXPECT_THAT(off, HasSubstr("CALICO_LIBNETWORK_ENABLED=false"));
  EXPECT_THAT(off, Not(HasSubstr("docker.sock")));
  const Words asked = {"--docker-networking-ifprefix=dock", "--use-docker-networking-container-labels"};
  EXPECT_THAT(Line(asked, Etcd(true)),
              HasSubstr(" -e CALICO_LIBNETWORK_IFPREFIX=dock -e CALICO_LIBNETWORK_CREATE_PROFILES=false -e "
                        "CALICO_LIBNETWORK_LABEL_ENDPOINTS=true "));
  // 3.x has no Docker networking of its own accord.
  EXPECT_THAT(Line(asked), HasSubstr("-e CALICO_LIBNETWORK_ENABLED=true -e CALICO_LIBNETWORK_IFPREFIX=dock"));
  EXPECT_THAT(Line(asked), HasSubstr("-v /var/run/docker.sock:/var/run/docker.sock"));
}

TEST(NodeRunLine, RefusesWrongOptions) {
  const std::string error = "error executing command: ";
  EXPECT_EQ(Line({"--ip=10.0.0.0/8"}), "Error executing command: invalid IP address specified: 10.0.0.0/8");
  EXPECT_EQ(Line({"--ip=fd00::1"}), error + "--ip is wrong IP version");
  EXPECT_EQ(Line({"--ip6=10.0.0.1"}), error + "--ip6 is wrong IP version");
  for (const char* as : {"x", "1.70000", "4294967296", "1.", "-1"})
    EXPECT_EQ(Line({"--as", as}), std::string("Error executing command: invalid AS Number specified: ") + as);
  EXPECT_EQ(Line({"--backend=quagga"}), error + "unknown backend 'quagga'");
  EXPECT_THAT(Line({"--backend=gobgp"}), HasSubstr("CALICO_NETWORKING_BACKEND=gobgp"));
  EXPECT_EQ(Line({"--docker-networking-ifprefix=a-b"}), error + "invalid interface prefix 'a-b'");
  EXPECT_EQ(Line({"--disable-docker-networking", "--use-docker-networking-container-labels"}),
            error + "invalid to disable Docker Networking and enable Container labels");
}

TEST(NodeRunLine, ChecksTheMethodOfDetection) {
  const std::string error = "error executing command: ";
  for (const char* good :
       {"can-reach=127.0.0.1", "interface=eth0,en.*", "skip-interface=lo", "cidr=10.0.0.0/8"})
    EXPECT_THAT(Line({"--ip-autodetection-method", good}), HasSubstr("IP_AUTODETECTION_METHOD=")) << good;
  for (const char* bad :
       {"kubernetes-internal-ip", "interface=", "nearest", "cidr=10.0.0.0", "cidr=fd00::/8"})
    EXPECT_EQ(Line({"--ip-autodetection-method", bad}), error + "invalid IP autodetection method: " + bad);
  EXPECT_EQ(Line({"--ip-autodetection-method=cidr=10.0.0.0/8"}, Etcd(true)),
            error + "invalid IP autodetection method: cidr=10.0.0.0/8")
      << "a container of 2.6 does not know it";
  EXPECT_EQ(Line({"--ip-autodetection-method=interface=eth0,("}),
            error + "invalid interface regex specified for IP autodetection: (");
  EXPECT_EQ(Line({"--ip6-autodetection-method=can-reach=127.0.0.1"}),
            error + "address for IP autodetection does not resolve to an IPv6 address: 127.0.0.1");
  EXPECT_EQ(Line({"--ip-autodetection-method=can-reach=no such name"}),
            error + "cannot resolve address specified for IP autodetection: no such name");
}

TEST(ShellLine, QuotesWhatAShellWouldChange) {
  EXPECT_EQ(ShellLine({"a", "b c", "d'e", "$x", ""}), "a 'b c' 'd'\\''e' '$x' ''");
}

// --- with a `docker` that is a script

class NodeRun : public testing::CommandTest {
 protected:
  void SetUp() override {
    sysctl_.Add("net/ipv4/ip_forward", "0");
    sysctl_.Add("net/ipv6/conf/all/forwarding", "0");
    sysctl_.Add("net/netfilter/nf_conntrack_max", "65536");
    programs_.Add("modprobe", "echo modprobe \"$@\" >> " + log_ + "; exit 1");
    Docker("echo Starting; echo 'Calico node started successfully'; echo more");
  }
  void Docker(const std::string& logs, const std::string& run = ":") {
    programs_.Add("docker", "echo docker \"$@\" >> " + log_ +
                                "\ncase $1 in\n rm) echo No such container >&2; exit 1;;\n run) " + run +
                                ";;\n logs) " + logs + ";;\nesac\n");
  }
  testing::Ran RunNode(const Words& options = {}) {
    std::istringstream in;
    std::ostringstream out, err;
    const auto open = [this](const std::string&) -> Result<OpenedStore> {
      return OpenedStore{"a test", client_.WithDeadline(TimePoint::max())};
    };
    const Surroundings surroundings{environment_, clock_, in, out, err, open};
    const Arguments arguments = Parsed(options);
    const int code =
        RunNodeRun({arguments, surroundings}, {is_root_, in_container_, "h1", sysctl_, log_timeout_, lock_});
    return {code, out.str(), err.str()};
  }
  std::string Log() const { return ReadFile(log_).value_or(""); }

  testing::FakePrograms programs_;
  const std::string log_ = programs_.directory() + "/log";
  kernel::testing::FakeSysctl sysctl_;
  Environment environment_{
      std::map<std::string, std::string>{{"DATASTORE_TYPE", "etcdv3"}, {"ETCD_ENDPOINTS", "http://e:2379"}}};
  bool is_root_ = true, in_container_ = false;
  Duration log_timeout_ = std::chrono::seconds(20);
  const std::string lock_ = fmt::format("calico-node-run-test-{}", ::getpid());
};

constexpr char kCommand[] =
    "docker run --net=host --privileged --name=calico-node -d --restart=always -e NODENAME=h1 -e "
    "CALICO_NETWORKING_BACKEND=bird -e CALICO_MANAGE_CNI=false -e ETCD_ENDPOINTS=http://e:2379 -e "
    "ETCD_DISCOVERY_SRV= -v /var/log/calico:/var/log/calico -v /var/run/calico:/var/run/calico -v "
    "/var/lib/calico:/var/lib/calico -v /lib/modules:/lib/modules -v /run:/run quay.io/calico/node:latest";

TEST_F(NodeRun, StartsTheContainerAndFollowsItsLog) {
  EXPECT_EQ(RunNode(),
            testing::Printed("Running command to load modules: modprobe -a xt_set ip6_tables\n"
                             "Enabling IPv4 forwarding\n"
                             "Enabling IPv6 forwarding\n"
                             "Increasing conntrack limit\n"
                             "Removing old calico-node container (if running).\n"
                             "Running the following command to start calico-node:\n"
                             "\n" +
                             std::string(kCommand) +
                             "\n\n"
                             "Image may take a short time to download if it is not available locally.\n"
                             "Container started, checking progress logs.\n"
                             "\n"
                             "Starting\n"
                             "Calico node started successfully\n"));
  EXPECT_EQ(Log(), "modprobe -a xt_set ip6_tables\ndocker rm -f calico-node\n" + std::string(kCommand) +
                       "\ndocker logs --follow calico-node\n");
  EXPECT_THAT(sysctl_.script().writes(),
              ElementsAre("write net/ipv4/ip_forward=1", "write net/ipv6/conf/all/forwarding=1",
                          "write net/netfilter/nf_conntrack_max=1000000"));
}

TEST_F(NodeRun, LeavesTheKernelAloneInsideAContainer) {
  in_container_ = true;  // CALICO_CTL_CONTAINER is set
  EXPECT_THAT(RunNode().out, StartsWith("Removing old calico-node container"));
  EXPECT_THAT(sysctl_.script().writes(), ElementsAre());
}

TEST_F(NodeRun, StopsWithoutForwarding) {
  sysctl_.Remove("net/ipv4/ip_forward");
  const testing::Ran ran = RunNode();
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "ERROR: Could not enable ipv4 forwarding\n");
  EXPECT_THAT(Log(), Not(HasSubstr("docker")));
}

TEST_F(NodeRun, GoesOnWithoutTheConntrackLimitAndIpv6) {
  sysctl_.Remove("net/netfilter/nf_conntrack_max");
  sysctl_.Remove("net/ipv6/conf/all/forwarding");
  const testing::Ran ran = RunNode();
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "WARNING: Could not set nf_conntrack_max. This may have an impact at scale.\n");
  EXPECT_THAT(ran.out, Not(HasSubstr("IPv6")));
}

TEST_F(NodeRun, ShowsWhatDockerSays) {
  Docker("", "echo Unable to find image; echo docker: no network. >&2; exit 125");
  const testing::Ran ran = RunNode();
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err,
            "Error executing command: exit status 125\n | Unable to find image\n | docker: no network.\n");
}

TEST_F(NodeRun, FailsWhenTheContainerEnds) {
  Docker("echo Calico node failed to start");
  const testing::Ran ran = RunNode();
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "error executing command: calico/node has terminated, check logs for details\n");
}

TEST_F(NodeRun, WaitsForTheStartOnlySoLong) {
  Docker("echo waiting; exec tail -f /dev/null");
  log_timeout_ = std::chrono::milliseconds(300);
  const testing::Ran ran = RunNode();
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err,
              StartsWith("error executing command: calico/node has not said in time that it has started"));
  EXPECT_THAT(ran.out, ::testing::EndsWith("\nwaiting\n"));
}

TEST_F(NodeRun, StaysWithTheContainerUnderAnInitSystem) {
  Docker("", "echo from the node; exit 3");
  const testing::Ran ran = RunNode({"--init-system"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, ::testing::EndsWith("not available locally.\nfrom the node\n"));
  EXPECT_EQ(ran.err, "Error executing command: exit status 3\n");
}

TEST_F(NodeRun, NeedsRootDockerAndItsFiles) {
  EXPECT_EQ(RunNode({"--felix-config=/no/felix.cfg"}).err,
            "error executing command: /no/felix.cfg does not exist\n");
  programs_.HideOthers();
  std::filesystem::remove(programs_.directory() + "/docker");
  EXPECT_EQ(RunNode().err,
            "error executing command: there is no program 'docker': install Docker, or start calico-node as "
            "a service\n");
  is_root_ = false;
  EXPECT_EQ(RunNode(), testing::Refused("Need super user privileges: Operation not permitted\n"));
}

TEST_F(NodeRun, RefusesBesideAnotherAgent) {
  const auto lock = TakeHostLock(lock_);
  const testing::Ran ran = RunNode();
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err,
            fmt::format("error executing command: calico-node is already running on this host (pid {})\n",
                        ::getpid()));
  EXPECT_THAT(Log(), Not(HasSubstr("docker run")));
}

TEST_F(NodeRun, OnlyPrintsInADryRun) {
  is_root_ = false;
  EXPECT_EQ(RunNode({"--dryrun"}),
            testing::Printed(
                "Use the following command to start the calico/node container:\n\n" + std::string(kCommand) +
                "\n\nIf you are running calico/node in an init system, use the --init-system flag\n"
                "to display the appropriate start and stop commands.\n"));
  EXPECT_THAT(
      RunNode({"--dryrun", "--init-system"}).out,
      ::testing::EndsWith("quay.io/calico/node:latest\n\nUse the following command to stop the calico/node "
                          "container:\n\ndocker stop calico-node\n\n"));
  EXPECT_EQ(Log(), "");
}

TEST_F(NodeRun, NeedsEtcd) {
  environment_ = Environment(std::map<std::string, std::string>{{"DATASTORE_TYPE", "sqlite"}});
  EXPECT_THAT(RunNode().err,
              StartsWith("error executing command: unsupported backend specified in config: "));
  EXPECT_EQ(RunNode({"-c", "/no/such.cfg"}).err,
            "error executing command: invalid config file: Error reading config file: /no/such.cfg\n");
}

}  // namespace
}  // namespace calico::calicoctl

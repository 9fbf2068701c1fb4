// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <regex>

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include "apps/calicoctl/node_run.h"
#include "base/text.h"
#include "net/cidr.h"
#include "net/ip.h"

namespace calico::calicoctl {
namespace {

constexpr char kDefaultImage[] = "quay.io/calico/node:latest";
constexpr char kFirstFound[] = "first-found";

Error Wrong(const std::string& text) {
  return Error(ErrorCode::kInvalidArgument, "error executing command: " + text);
}

// --- checks of the options

Status CheckIp(const Arguments& arguments, const std::string& option, net::Family family) {
  const std::string text = arguments.Text(option);
  if (text.empty() || text == "autodetect") return Ok();
  const auto ip = net::Ip::Parse(text);
  if (!ip) {
    return Error(ErrorCode::kInvalidArgument,
                 "Error executing command: invalid IP address specified: " + text);
  }
  if (ip->family() != family) return Wrong(option + " is wrong IP version");
  return Ok();
}

// The name must have an address of the family: the container would not start otherwise.
Status CheckDestination(const std::string& destination, net::Family family) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(destination.c_str(), nullptr, &hints, &found) != 0)
    return Wrong("cannot resolve address specified for IP autodetection: " + destination);
  bool fits = false;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next)
    fits = fits || each->ai_family == (family == net::Family::kV4 ? AF_INET : AF_INET6);
  ::freeaddrinfo(found);
  if (fits) return Ok();
  return Wrong(fmt::format("address for IP autodetection does not resolve to an IPv{} address: {}",
                           static_cast<int>(family), destination));
}

Status CheckInterfaces(const std::string& list) {
  for (const std::string& each : Split(list, ',')) {
    try {
      const std::regex compiled{std::string(Trim(each))};
    } catch (const std::regex_error&) {
      return Wrong("invalid interface regex specified for IP autodetection: " + each);
    }
  }
  return Ok();
}

// Upstream refuses `cidr=` here, although its container of 3.x understands it.
Status CheckMethod(const std::string& method, net::Family family, bool calico26) {
  if (method.empty() || method == kFirstFound) return Ok();
  const std::size_t equals = method.find('=');
  const std::string name = method.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : method.substr(equals + 1);
  if (!value.empty()) {
    if (name == "can-reach") return CheckDestination(value, family);
    if (name == "interface" || name == "skip-interface") return CheckInterfaces(value);
    if (name == "cidr" && !calico26) {
      const std::vector<std::string> cidrs = Split(value, ',');
      const bool right = std::all_of(cidrs.begin(), cidrs.end(), [&](const std::string& text) {
        const auto cidr = net::Cidr::ParsePrefix(std::string(Trim(text)));
        return cidr && cidr->family() == family;
      });
      if (right) return Ok();
    }
  }
  return Wrong("invalid IP autodetection method: " + method);
}

// "65000", or in two halves of 16 bits "1.10".
std::optional<std::uint32_t> ParseAs(const std::string& text) {
  const auto number = [](const std::string& part, std::uint64_t limit) -> std::optional<std::uint64_t> {
    if (part.empty() || part.size() > 10 || part.find_first_not_of("0123456789") != std::string::npos)
      return std::nullopt;
    const std::uint64_t value = std::stoull(part);
    return value <= limit ? std::optional(value) : std::nullopt;
  };
  const std::size_t dot = text.find('.');
  std::optional<std::uint64_t> whole = number(text, 0xffffffff);
  if (dot != std::string::npos) {
    const auto high = number(text.substr(0, dot), 0xffff), low = number(text.substr(dot + 1), 0xffff);
    if (high && low) whole = (*high << 16) + *low;
  }
  if (!whole) return std::nullopt;
  return static_cast<std::uint32_t>(*whole);
}

Status CheckBackend(const std::string& backend) {
  if (backend == "bird" || backend == "none" || backend == "gobgp") return Ok();
  return Wrong("unknown backend '" + backend + "'");
}

struct DockerNetworking {
  bool enabled = true;
  bool asked_for = false;  // by one of its options
  std::string prefix;
  bool container_labels = false;
};

Result<DockerNetworking> ReadDockerNetworking(const Arguments& arguments) {
  DockerNetworking docker;
  docker.enabled = !arguments.Has("--disable-docker-networking");
  docker.prefix = arguments.Text("--docker-networking-ifprefix", "cali");
  docker.container_labels = arguments.Has("--use-docker-networking-container-labels");
  docker.asked_for = docker.container_labels || arguments.Has("--docker-networking-ifprefix");
  const bool plain = std::all_of(docker.prefix.begin(), docker.prefix.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
  if (docker.prefix.empty() || !plain) return Wrong("invalid interface prefix '" + docker.prefix + "'");
  if (!docker.enabled && docker.container_labels)
    return Wrong("invalid to disable Docker Networking and enable Container labels");
  return docker;
}

// --- the command

// Options of `docker run`, in the order of the reference.
class DockerRun {
 public:
  explicit DockerRun(bool init_system) {
    words_ = {"docker", "run", "--net=host", "--privileged", "--name=calico-node"};
    if (init_system) {
      words_.emplace_back("--rm");
    } else {
      words_.insert(words_.end(), {"-d", "--restart=always"});
    }
  }
  void Variable(const std::string& name, const std::string& value) {
    words_.insert(words_.end(), {"-e", name + "=" + value});
  }
  void VariableIf(const std::string& name, const std::string& value) {
    if (!value.empty()) Variable(name, value);
  }
  void Volume(const std::string& from, const std::string& to) { volumes_.push_back(from + ":" + to); }
  void Volume(const std::string& path) { Volume(path, path); }
  std::vector<std::string> Finished(const std::string& image) {
    for (const std::string& volume : volumes_) words_.insert(words_.end(), {"-v", volume});
    words_.push_back(image);
    return words_;
  }

 private:
  std::vector<std::string> words_, volumes_;
};

void AddDockerNetworking(DockerRun& run, const DockerNetworking& docker) {
  if (docker.prefix != "cali") run.Variable("CALICO_LIBNETWORK_IFPREFIX", docker.prefix);
  if (docker.container_labels) {
    run.Variable("CALICO_LIBNETWORK_CREATE_PROFILES", "false");
    run.Variable("CALICO_LIBNETWORK_LABEL_ENDPOINTS", "true");
  }
}

// docker takes a relative name for that of a volume.
std::string Absolute(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

std::string MethodIfAny(const Arguments& arguments, const std::string& option) {
  const std::string method = arguments.Text(option);
  return method == kFirstFound ? "" : method;
}

Status CheckOptions(const Arguments& arguments, bool calico26) {
  RETURN_IF_ERROR(CheckIp(arguments, "--ip", net::Family::kV4));
  RETURN_IF_ERROR(CheckIp(arguments, "--ip6", net::Family::kV6));
  const std::string as = arguments.Text("--as");
  if (!as.empty() && !ParseAs(as)) {
    return Error(ErrorCode::kInvalidArgument, "Error executing command: invalid AS Number specified: " + as);
  }
  RETURN_IF_ERROR(CheckMethod(arguments.Text("--ip-autodetection-method"), net::Family::kV4, calico26));
  RETURN_IF_ERROR(CheckMethod(arguments.Text("--ip6-autodetection-method"), net::Family::kV6, calico26));
  return CheckBackend(arguments.Text("--backend", "bird"));
}

std::string NodeName(const Arguments& arguments, const std::string& host_name, bool calico26) {
  const std::string name = arguments.Text("--name");
  if (!name.empty()) return name;
  return calico26 ? host_name : ToLower(Trim(host_name));
}

void AddVariables(DockerRun& run, const Arguments& arguments, const ContainerStore& store,
                  const DockerNetworking& docker) {
  if (store.calico26) {
    run.Variable("CALICO_LIBNETWORK_ENABLED", docker.enabled ? "true" : "false");
    run.Variable("ETCD_ENDPOINTS", store.endpoints);
    run.VariableIf("ETCD_DISCOVERY_SRV", store.discovery_srv);
    // The default of a calico/node 2.6; ours serves both generations.
    run.Variable("DATASTORE_TYPE", "etcdv2");
  } else {
    run.Variable("CALICO_MANAGE_CNI", "false");
    run.Variable("ETCD_ENDPOINTS", store.endpoints);
    run.Variable("ETCD_DISCOVERY_SRV", store.discovery_srv);
    if (docker.asked_for && docker.enabled) run.Variable("CALICO_LIBNETWORK_ENABLED", "true");
  }
  if (docker.enabled) AddDockerNetworking(run, docker);
  if (arguments.Has("--no-default-ippools")) run.Variable("NO_DEFAULT_POOLS", "true");
  run.VariableIf("IP_AUTODETECTION_METHOD", MethodIfAny(arguments, "--ip-autodetection-method"));
  run.VariableIf("IP6_AUTODETECTION_METHOD", MethodIfAny(arguments, "--ip6-autodetection-method"));
  if (const auto as = ParseAs(arguments.Text("--as"))) run.Variable("AS", fmt::format("{}", *as));
  run.VariableIf("IP", arguments.Text("--ip"));
  run.VariableIf("IP6", arguments.Text("--ip6"));
}

}  // namespace

Result<NodeRunPlan> PlanNodeRun(const Arguments& arguments, const ContainerStore& store,
                                const std::string& host_name) {
  RETURN_IF_ERROR(CheckOptions(arguments, store.calico26));
  ASSIGN_OR_RETURN(const DockerNetworking docker, ReadDockerNetworking(arguments));
  NodeRunPlan plan;
  DockerRun run(arguments.Has("--init-system"));
  run.Variable("NODENAME", NodeName(arguments, host_name, store.calico26));
  run.Variable("CALICO_NETWORKING_BACKEND", arguments.Text("--backend", "bird"));
  AddVariables(run, arguments, store, docker);

  run.Volume(Absolute(arguments.Text("--log-dir", "/var/log/calico")), "/var/log/calico");
  run.Volume("/var/run/calico");
  if (!store.calico26) run.Volume("/var/lib/calico");
  run.Volume("/lib/modules");
  run.Volume("/run");
  if (docker.enabled && (store.calico26 || docker.asked_for)) {
    run.Volume("/run/docker/plugins");
    run.Volume("/var/run/docker.sock");
  }
  const auto mount = [&](const std::string& file, const std::string& inside) {
    plan.files.push_back(Absolute(file));
    run.Volume(plan.files.back(), inside);
  };
  if (const std::string felix = arguments.Text("--felix-config"); !felix.empty())
    mount(felix, "/etc/calico/felix.cfg");
  if (!store.ca_file.empty()) {
    run.Variable("ETCD_CA_CERT_FILE", "/etc/calico/certs/ca_cert.crt");
    mount(store.ca_file, "/etc/calico/certs/ca_cert.crt");
  }
  if (!store.key_file.empty() && !store.cert_file.empty()) {
    run.Variable("ETCD_KEY_FILE", "/etc/calico/certs/key.pem");
    run.Variable("ETCD_CERT_FILE", "/etc/calico/certs/cert.crt");
    mount(store.key_file, "/etc/calico/certs/key.pem");
    mount(store.cert_file, "/etc/calico/certs/cert.crt");
  }
  if (store.has_secrets) {
    plan.warnings.emplace_back(
        "WARNING: user name, password and inline certificates of the store are not passed on to the "
        "container: "
        "anyone could read them there. Use certificate files.");
  }
  plan.command = run.Finished(arguments.Text("--node-image", kDefaultImage));
  return plan;
}

std::string ShellLine(const std::vector<std::string>& words) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  std::vector<std::string> quoted;
  for (const std::string& word : words) {
    const bool plain = !word.empty() && word.find_first_not_of(kPlain) == std::string::npos;
    quoted.push_back(plain ? word : "'" + ReplaceAll(word, "'", "'\\''") + "'");
  }
  return Join(quoted, " ");
}

}  // namespace calico::calicoctl

// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/leftovers.h"

namespace calico::libnetwork {
namespace {

// Creation times of endpoints are whole seconds.
constexpr Duration kTimeResolution = std::chrono::seconds(1);

bool IsYoung(const std::optional<WallTime>& made, const HostLook& look) {
  return made.has_value() && *made + look.grace > look.now;
}

bool IsOfFormerDocker(const std::optional<WallTime>& made, const HostLook& look) {
  return look.docker.has_value() && look.former_docker_ended.has_value() && made.has_value() &&
         *made + kTimeResolution <= *look.former_docker_ended;
}

}  // namespace

Verdict Judge(const EndpointTrace& endpoint, const HostLook& look) {
  if (look.docker.has_value() && look.docker->contains(endpoint.id)) return Verdict::kAlive;
  const bool attached = look.interfaces.contains(endpoint.interface_name);
  const bool former_boot = !endpoint.boot_id.empty() && endpoint.boot_id != look.boot_id;
  if (former_boot && !attached) return Verdict::kDead;
  if (IsOfFormerDocker(endpoint.made, look)) return Verdict::kDead;
  if (IsYoung(endpoint.made, look)) return Verdict::kAlive;
  if (look.docker.has_value()) return Verdict::kSuspect;
  // Without Docker's word the interface has to do: it goes with the container's network namespace.
  if (attached) return Verdict::kAlive;
  return endpoint.made.has_value() ? Verdict::kDead : Verdict::kSuspect;
}

Verdict Judge(const AddressTrace& address, const HostLook& look) {
  if (address.used || address.kept_by_network) return Verdict::kAlive;
  if (look.docker.has_value() && look.docker->contains(address.endpoint_id)) return Verdict::kAlive;
  if (IsOfFormerDocker(address.made, look)) return Verdict::kDead;
  return IsYoung(address.made, look) ? Verdict::kAlive : Verdict::kSuspect;
}

}  // namespace calico::libnetwork

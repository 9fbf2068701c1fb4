// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "model/update.h"
#include "model/v1.h"
#include "model/v1_names.h"

namespace calico::model {

// A resource of the v1 API as a v3 object (reference datastore-model D.1, D.2). The resource is valid
// (validate/v1.h) or comes from a store of Calico 2.6; kInvalidArgument on what v3 cannot express: a
// profile's tag that is also a label with a value, a workload of Kubernetes without a namespace.
Result<Object> V1ToV3(const v1::Resource& resource, V1Names names);

// The inverse, for output and for validation. kInvalidArgument names the first field that the v1 API cannot
// express: "error with field spec.vxlanMode = 'Always' (…)". What a node says about itself (tunnel addresses,
// interfaces, status) and Calico's own labels and annotations are left out. v3 names stay where 2.6 has a
// name.
Result<v1::Resource> V3ToV1(const Object& object);

// As Calico 2.6 calls it in its messages: "HostEndpoint(node=host1, name=eth0)".
std::string DescribeV1(const Object& object);

}  // namespace calico::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace calico::model {

enum class FelixParameterType {
  kBool,
  kInt,
  kUint32,
  kString,
  kDuration,
  kStringList,
  kStringMap,
  kDscp,
  kPort,
  kPortList,
  kProtoPortList,
  kRouteTableRange,
  kRouteTableRanges,
  kHealthTimeouts,
};

// One parameter of Felix (reference datastore-model part E).
struct FelixParameter {
  std::string_view field;    // of FelixConfiguration's spec: "reportingInterval"
  std::string_view v1_name;  // under /calico/v1/config and, upper-cased, in FELIX_*: "ReportingIntervalSecs"
  FelixParameterType type = FelixParameterType::kString;
  // Words: "Auto,NFT", behind "(?i)" in any letter case. Numbers: "0:65535", either end may be absent.
  std::string_view accepted;
  std::string_view default_value;  // Felix's own, in its raw text form; empty = unset
};

// All of them, in the order of the stored members.
std::span<const FelixParameter> FelixParameters();
const FelixParameter* FindFelixParameter(std::string_view field);  // nullptr if there is none
const FelixParameter* FindFelixParameterByV1Name(std::string_view v1_name);

}  // namespace calico::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

namespace calico {

// Prometheus metrics of this process. Thread-safe. Names and help texts are declared beside the code
// that sets them. Registering a name twice with the same labels gives the same instance.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double value = 1) = 0;
  virtual double Value() const = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual double Value() const = 0;
};
using MetricLabels = std::map<std::string, std::string>;
Counter& RegisterCounter(const std::string& name, const std::string& help, const MetricLabels& labels = {});
Gauge& RegisterGauge(const std::string& name, const std::string& help, const MetricLabels& labels = {});
// Forgets all instances of these names, for what comes and goes; references to them end.
void ForgetMetrics(const std::vector<std::string>& names);

// Text exposition format 0.0.4 of all of them.
std::string MetricsText();

}  // namespace calico

// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

#include <algorithm>
#include <memory>
#include <mutex>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace calico {
namespace {

class PrometheusCounter final : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Family<prometheus::Counter>& family, const MetricLabels& labels)
      : family_(family), counter_(family.Add(labels)) {}
  ~PrometheusCounter() override { family_.Remove(&counter_); }
  void Add(double value) override { counter_.Increment(value); }
  double Value() const override { return counter_.Value(); }

 private:
  prometheus::Family<prometheus::Counter>& family_;
  prometheus::Counter& counter_;
};

class PrometheusGauge final : public Gauge {
 public:
  explicit PrometheusGauge(prometheus::Family<prometheus::Gauge>& family, const MetricLabels& labels)
      : family_(family), gauge_(family.Add(labels)) {}
  ~PrometheusGauge() override { family_.Remove(&gauge_); }
  void Set(double value) override { gauge_.Set(value); }
  double Value() const override { return gauge_.Value(); }

 private:
  prometheus::Family<prometheus::Gauge>& family_;
  prometheus::Gauge& gauge_;
};

// All metrics of the process; never destroyed, because loops may still count while main() returns.
struct AllMetrics {
  prometheus::Registry registry;
  std::mutex mutex;
  std::map<std::pair<std::string, MetricLabels>, std::unique_ptr<Counter>> counters;
  std::map<std::pair<std::string, MetricLabels>, std::unique_ptr<Gauge>> gauges;
};
AllMetrics& All() {
  static AllMetrics* const all = new AllMetrics;
  return *all;
}

}  // namespace

Counter& RegisterCounter(const std::string& name, const std::string& help, const MetricLabels& labels) {
  AllMetrics& all = All();
  const std::lock_guard lock(all.mutex);
  std::unique_ptr<Counter>& slot = all.counters[{name, labels}];
  if (slot == nullptr) {
    slot = std::make_unique<PrometheusCounter>(
        prometheus::BuildCounter().Name(name).Help(help).Register(all.registry), labels);
  }
  return *slot;
}

Gauge& RegisterGauge(const std::string& name, const std::string& help, const MetricLabels& labels) {
  AllMetrics& all = All();
  const std::lock_guard lock(all.mutex);
  std::unique_ptr<Gauge>& slot = all.gauges[{name, labels}];
  if (slot == nullptr) {
    slot = std::make_unique<PrometheusGauge>(
        prometheus::BuildGauge().Name(name).Help(help).Register(all.registry), labels);
  }
  return *slot;
}

void ForgetMetrics(const std::vector<std::string>& names) {
  AllMetrics& all = All();
  const std::lock_guard lock(all.mutex);
  const auto named = [&](const auto& item) {
    return std::find(names.begin(), names.end(), item.first.first) != names.end();
  };
  std::erase_if(all.counters, named);
  std::erase_if(all.gauges, named);
}

std::string MetricsText() {
  return prometheus::TextSerializer().Serialize(All().registry.Collect());
}

}  // namespace calico

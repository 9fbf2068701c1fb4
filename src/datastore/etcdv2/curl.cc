// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv2/curl.h"

#include <string>

#include <dlfcn.h>
#include <fmt/format.h>

#include "base/check.h"

namespace calico::datastore::etcdv2 {
namespace {

constexpr char kLibrary[] = "libcurl.so.4";

struct Loading {
  Curl curl{};
  std::string problem;

  Loading() {
    void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      problem = dlerror();
      return;
    }
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      if (function == nullptr && problem.empty()) problem = fmt::format("{} has no {}", kLibrary, name);
    };
    find(curl.global_init, "curl_global_init");
    find(curl.easy_init, "curl_easy_init");
    find(curl.easy_cleanup, "curl_easy_cleanup");
    find(curl.easy_reset, "curl_easy_reset");
    find(curl.easy_setopt, "curl_easy_setopt");
    find(curl.easy_getinfo, "curl_easy_getinfo");
    find(curl.easy_perform, "curl_easy_perform");
    find(curl.easy_strerror, "curl_easy_strerror");
    find(curl.multi_init, "curl_multi_init");
    find(curl.multi_cleanup, "curl_multi_cleanup");
    find(curl.multi_add_handle, "curl_multi_add_handle");
    find(curl.multi_remove_handle, "curl_multi_remove_handle");
    find(curl.multi_perform, "curl_multi_perform");
    find(curl.multi_poll, "curl_multi_poll");
    find(curl.multi_wakeup, "curl_multi_wakeup");
    find(curl.multi_info_read, "curl_multi_info_read");
    if (!problem.empty()) return;
    if (const CURLcode code = curl.global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK)
      problem = curl.easy_strerror(code);
  }
};

const Loading& Loaded() {
  static const Loading loading;
  return loading;
}

}  // namespace

Result<const Curl*> LoadCurl() {
  const Loading& loading = Loaded();
  if (!loading.problem.empty())
    return Error(
        ErrorCode::kSystem,
        fmt::format("a store of Calico 2.6 needs libcurl, which cannot be loaded: {}", loading.problem));
  return &loading.curl;
}

const Curl& LoadedCurl() {
  const Loading& loading = Loaded();
  CHECK(loading.problem.empty(), "libcurl is used before it is loaded");
  return loading.curl;
}

}  // namespace calico::datastore::etcdv2

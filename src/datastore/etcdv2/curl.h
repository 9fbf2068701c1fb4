// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside datastore/etcdv2 only.

#include <curl/curl.h>

#include "base/result.h"

namespace calico::datastore::etcdv2 {

// The functions of libcurl that the driver calls.
struct Curl {
  decltype(&curl_global_init) global_init;
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_reset) easy_reset;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_perform) easy_perform;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_multi_init) multi_init;
  decltype(&curl_multi_cleanup) multi_cleanup;
  decltype(&curl_multi_add_handle) multi_add_handle;
  decltype(&curl_multi_remove_handle) multi_remove_handle;
  decltype(&curl_multi_perform) multi_perform;
  decltype(&curl_multi_poll) multi_poll;
  decltype(&curl_multi_wakeup) multi_wakeup;
  decltype(&curl_multi_info_read) multi_info_read;
};

// Loads libcurl at the first call: it brings 25 more libraries (Kerberos, LDAP, SSH), and only a store of
// Calico 2.6 needs it (decision 8). Thread-safe. kSystem if there is none.
Result<const Curl*> LoadCurl();

// The loaded one. Only after LoadCurl() succeeded.
const Curl& LoadedCurl();

}  // namespace calico::datastore::etcdv2

// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv2/http.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>

#include <fmt/format.h>

#include "base/text.h"
#include "datastore/endpoint.h"
#include "datastore/etcdv2/curl.h"
#include "datastore/tls.h"

namespace calico::datastore::etcdv2 {
namespace {

struct EasyCleanup {
  void operator()(CURL* handle) const { LoadedCurl().easy_cleanup(handle); }
};
struct MultiCleanup {
  void operator()(CURLM* handle) const { LoadedCurl().multi_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;
using Multi = std::unique_ptr<CURLM, MultiCleanup>;

constexpr std::size_t kIdleHandles = 8;  // each keeps its own connections
constexpr std::size_t kLargestAnswer = std::size_t{1} << 30;

std::string Encode(const std::string& text, std::string_view also_plain) {
  static constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos || also_plain.find(c) != std::string_view::npos)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}
std::string Encode(const Parameters& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters)
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, Encode(value, ""));
  return text;
}

// One request on a handle.
struct Exchange {
  std::string url, body;
  HttpAnswer answer;
  bool write = false;
  int sent = 0;
  char reason[CURL_ERROR_SIZE] = {};

  static std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* self) {
    std::string& body = static_cast<Exchange*>(self)->answer.body;
    if (body.size() + size * count > kLargestAnswer) return 0;
    body.append(data, size * count);
    return size * count;
  }
  static std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* self) {
    const std::string_view line(data, size * count);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && EqualsIgnoreCase(line.substr(0, colon), "X-Etcd-Index")) {
      const std::string_view digits = Trim(line.substr(colon + 1));
      std::from_chars(digits.data(), digits.data() + digits.size(),
                      static_cast<Exchange*>(self)->answer.etcd_index);
    }
    return size * count;
  }
  // libcurl sends a request again by itself when a kept connection turns out to be dead. The server may have
  // carried out the first one: a write must not go out twice.
  static int OnSend(void* self, char*, char*, int, int) {
    auto& exchange = *static_cast<Exchange*>(self);
    return ++exchange.sent > 1 && exchange.write ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
  }
};

// curl_easy_setopt takes its values through "...": no wrong type may slip in.
void Set(CURL* handle, CURLoption option, const char* value) {
  LoadedCurl().easy_setopt(handle, option, value);
}
void Set(CURL* handle, CURLoption option, const std::string& value) {
  LoadedCurl().easy_setopt(handle, option, value.c_str());
}
void Set(CURL* handle, CURLoption option, long value) {
  LoadedCurl().easy_setopt(handle, option, value);
}
void SetPem(CURL* handle, CURLoption option, const std::string& pem) {
  curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
  LoadedCurl().easy_setopt(handle, option, &blob);
}

// Those behind which TLS may be, or its absence.
bool IsTlsProblem(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
         code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_RECV_ERROR ||
         code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING || code == CURLE_UNSUPPORTED_PROTOCOL ||
         code == CURLE_WEIRD_SERVER_REPLY;
}

}  // namespace

struct Transport::Impl {
  std::vector<std::string> urls;  // "http://127.0.0.1:2379"
  Credentials credentials;
  std::string username, password, name;
  Duration call_timeout{};
  std::mutex mutex;  // of what follows
  std::size_t preferred = 0;
  std::vector<Easy> idle;

  Easy Take() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        Easy handle = std::move(idle.back());
        idle.pop_back();
        return handle;
      }
    }
    return Easy(LoadedCurl().easy_init());
  }
  void GiveBack(Easy handle) {
    const std::lock_guard lock(mutex);
    if (idle.size() < kIdleHandles) idle.push_back(std::move(handle));
  }
  std::size_t Preferred() {
    const std::lock_guard lock(mutex);
    return preferred;
  }
  void Prefer(std::size_t member) {
    const std::lock_guard lock(mutex);
    preferred = member % urls.size();
  }

  void Prepare(CURL* handle, const HttpQuestion& question, std::size_t member, Exchange& exchange) const;
  std::string Explain(CURLcode code, std::size_t member, const Exchange& exchange) const;
  Error Unreachable(const std::string& reason) const {
    return Error(ErrorCode::kUnavailable, fmt::format("{}: {}", name, reason));
  }
};

void Transport::Impl::Prepare(CURL* handle, const HttpQuestion& question, std::size_t member,
                              Exchange& exchange) const {
  LoadedCurl().easy_reset(handle);  // options only: connections stay
  exchange.url = urls[member] + Encode(question.path, "/");
  if (!question.query.empty()) exchange.url += "?" + Encode(question.query);
  exchange.body = Encode(question.form);
  exchange.write = question.method != "GET";
  Set(handle, CURLOPT_URL, exchange.url);
  Set(handle, CURLOPT_CUSTOMREQUEST, question.method);
  if (question.method == "PUT") {
    Set(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(exchange.body.size()));
    Set(handle, CURLOPT_POSTFIELDS, exchange.body);
  }
  // With TLS libcurl would agree on HTTP/2, whose failures do not tell whether TLS is behind them.
  Set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  Set(handle, CURLOPT_NOSIGNAL, 1L);
  Set(handle, CURLOPT_PROXY, "");  // the store is never behind what http_proxy names
  Set(handle, CURLOPT_PATH_AS_IS, 1L);
  Set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  Set(handle, CURLOPT_TCP_KEEPIDLE, 10L);
  Set(handle, CURLOPT_TCP_KEEPINTVL, 5L);
  Set(handle, CURLOPT_ERRORBUFFER, static_cast<const char*>(exchange.reason));
  LoadedCurl().easy_setopt(handle, CURLOPT_WRITEFUNCTION, Exchange::OnBody);
  LoadedCurl().easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  LoadedCurl().easy_setopt(handle, CURLOPT_HEADERFUNCTION, Exchange::OnHeader);
  LoadedCurl().easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  LoadedCurl().easy_setopt(handle, CURLOPT_PREREQFUNCTION, Exchange::OnSend);
  LoadedCurl().easy_setopt(handle, CURLOPT_PREREQDATA, &exchange);
  if (!username.empty() && !password.empty()) {
    Set(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    Set(handle, CURLOPT_USERNAME, username);
    Set(handle, CURLOPT_PASSWORD, password);
  }
  if (!credentials.ca.empty()) {
    SetPem(handle, CURLOPT_CAINFO_BLOB, credentials.ca);
    LoadedCurl().easy_setopt(handle, CURLOPT_CAPATH, nullptr);  // this CA, not also those of the system
  }
  if (!credentials.cert.empty()) {
    SetPem(handle, CURLOPT_SSLCERT_BLOB, credentials.cert);
    SetPem(handle, CURLOPT_SSLKEY_BLOB, credentials.key);
  }
}

std::string Transport::Impl::Explain(CURLcode code, std::size_t member, const Exchange& exchange) const {
  if (code == CURLE_OPERATION_TIMEDOUT) return urls[member] + ": no answer in time";
  if (IsTlsProblem(code)) {
    const std::string reason = ExplainConnection(urls[member], credentials, std::chrono::seconds(2)).reason;
    if (!reason.empty()) return urls[member] + ": " + reason;
  }
  if (code == CURLE_ABORTED_BY_CALLBACK)
    return urls[member] + ": the connection broke; a write is not sent twice";
  return fmt::format("{}: {}", urls[member],
                     *exchange.reason != '\0' ? exchange.reason : LoadedCurl().easy_strerror(code));
}

Transport::Transport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Transport::~Transport() = default;

Result<std::shared_ptr<Transport>> Transport::Open(const EtcdOptions& options) {
  RETURN_IF_ERROR(LoadCurl());
  auto impl = std::make_unique<Impl>();
  for (const std::string& url : options.endpoints) {
    ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(url));
    impl->urls.push_back((endpoint.tls ? "https://" : "http://") + endpoint.Target());
  }
  if (impl->urls.empty()) return Error(ErrorCode::kInvalidArgument, "no etcd endpoints specified");
  ASSIGN_OR_RETURN(impl->credentials, LoadCredentials(options));
  impl->username = options.username;
  impl->password = options.password;
  impl->call_timeout = options.call_timeout;
  impl->name = "etcd " + Join(options.endpoints, ",");
  return std::shared_ptr<Transport>(new Transport(std::move(impl)));
}

const std::string& Transport::name() const {
  return impl_->name;
}
const std::string& Transport::username() const {
  return impl_->username;
}
Duration Transport::call_timeout() const {
  return impl_->call_timeout;
}

Result<HttpAnswer> Transport::Ask(const HttpQuestion& question, TimePoint deadline) {
  using std::chrono::milliseconds;
  const std::size_t first = impl_->Preferred(), members = impl_->urls.size();
  Easy handle = impl_->Take();
  std::string reason = "no answer in time";
  for (std::size_t i = 0; i < members; ++i) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) break;
    // What is left is shared by the members not yet tried; once a write is under way it may use all of it.
    const long share = std::max<long>(1, left / static_cast<long>(members - i));
    const std::size_t member = (first + i) % members;
    Exchange exchange;
    impl_->Prepare(handle.get(), question, member, exchange);
    Set(handle.get(), CURLOPT_CONNECTTIMEOUT_MS, share);
    Set(handle.get(), CURLOPT_TIMEOUT_MS, question.repeatable ? share : std::max<long>(1, left));
    CURLcode code = LoadedCurl().easy_perform(handle.get());
    const bool last = i + 1 == members;
    LoadedCurl().easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &exchange.answer.status);
    // Go's server says so in plain text.
    if (exchange.answer.status == 400 && exchange.answer.body.find("HTTPS server") != std::string::npos)
      code = CURLE_WEIRD_SERVER_REPLY;
    if (code == CURLE_OK) {
      if (question.repeatable && !last && exchange.answer.status >= 500) continue;
      impl_->Prefer(member);
      impl_->GiveBack(std::move(handle));
      return std::move(exchange.answer);
    }
    reason = impl_->Explain(code, member, exchange);
    handle = Easy(LoadedCurl().easy_init());  // its connections are suspect
    impl_->Prefer(member + 1);
    if (!question.repeatable && exchange.sent > 0) break;
  }
  return impl_->Unreachable(reason);
}

struct Transport::LongPoll::Impl {
  Transport::Impl* transport = nullptr;
  std::size_t member = 0;
  Multi multi;
  Easy poll, side;
  std::atomic<bool> cancelled = false;
};

std::unique_ptr<Transport::LongPoll> Transport::StartLongPolls() {
  auto impl = std::make_unique<LongPoll::Impl>();
  impl->transport = impl_.get();
  impl->member = impl_->Preferred();
  impl->multi.reset(LoadedCurl().multi_init());
  impl->poll.reset(LoadedCurl().easy_init());
  impl->side.reset(LoadedCurl().easy_init());
  return std::unique_ptr<LongPoll>(new LongPoll(std::move(impl)));
}

Transport::LongPoll::LongPoll(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Transport::LongPoll::~LongPoll() = default;

void Transport::LongPoll::Cancel() {
  impl_->cancelled = true;
  LoadedCurl().multi_wakeup(impl_->multi.get());
}

void Transport::LongPoll::Avoid() {
  impl_->transport->Prefer(impl_->member + 1);
}

Result<HttpAnswer> Transport::LongPoll::Ask(const HttpQuestion& question, Duration idle_period,
                                            const std::function<Status()>& idle) {
  Exchange exchange;
  CURL* handle = impl_->poll.get();
  impl_->transport->Prepare(handle, question, impl_->member, exchange);
  Set(handle, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
  LoadedCurl().multi_add_handle(impl_->multi.get(), handle);
  const auto period = std::chrono::duration_cast<std::chrono::milliseconds>(idle_period);
  TimePoint next_idle = std::chrono::steady_clock::now() + period;
  Status trouble;
  int running = 1;
  for (;;) {
    LoadedCurl().multi_perform(impl_->multi.get(), &running);
    if (running == 0 || impl_->cancelled) break;
    const auto wait =
        std::chrono::duration_cast<std::chrono::milliseconds>(next_idle - std::chrono::steady_clock::now());
    if (wait.count() <= 0) {
      trouble = idle();
      if (!trouble.has_value()) break;
      next_idle = std::chrono::steady_clock::now() + period;
      continue;
    }
    LoadedCurl().multi_poll(impl_->multi.get(), nullptr, 0, static_cast<int>(wait.count()) + 1, nullptr);
  }
  CURLcode code = CURLE_ABORTED_BY_CALLBACK;
  int left = 0;
  while (CURLMsg* message = LoadedCurl().multi_info_read(impl_->multi.get(), &left)) {
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  }
  LoadedCurl().easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &exchange.answer.status);
  LoadedCurl().multi_remove_handle(impl_->multi.get(), handle);
  if (impl_->cancelled) return impl_->transport->Unreachable("the watch was ended");
  if (!trouble.has_value()) return std::move(trouble).error();
  if (code != CURLE_OK)
    return impl_->transport->Unreachable(impl_->transport->Explain(code, impl_->member, exchange));
  return std::move(exchange.answer);
}

Result<HttpAnswer> Transport::LongPoll::AskMember(const HttpQuestion& question, TimePoint deadline) {
  Exchange exchange;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  impl_->transport->Prepare(impl_->side.get(), question, impl_->member, exchange);
  Set(impl_->side.get(), CURLOPT_TIMEOUT_MS, std::max<long>(1, left.count()));
  const CURLcode code = LoadedCurl().easy_perform(impl_->side.get());
  if (code != CURLE_OK)
    return impl_->transport->Unreachable(impl_->transport->Explain(code, impl_->member, exchange));
  LoadedCurl().easy_getinfo(impl_->side.get(), CURLINFO_RESPONSE_CODE, &exchange.answer.status);
  return std::move(exchange.answer);
}

}  // namespace calico::datastore::etcdv2

// SPDX-License-Identifier: Apache-2.0
#include "datastore/tls.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "datastore/endpoint.h"

namespace calico::datastore {
namespace {

template <auto Function>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    Function(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Free<SSL_free>>;

Bio Memory(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string TimeText(const ASN1_TIME* time) {
  const Bio bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  char text[64] = {};
  const int size = BIO_read(bio.get(), text, sizeof text - 1);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : "?";
}

Error Bad(const std::string& what, const std::string& reason) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", what, reason));
}

std::vector<Certificate> ParseCertificates(const std::string& pem) {
  std::vector<Certificate> certificates;
  const Bio bio = Memory(pem);
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) certificates.emplace_back(one);
  ERR_clear_error();  // the end of the text is an error to OpenSSL
  return certificates;
}

PrivateKey ParseKey(const std::string& pem) {
  // Without a callback of ours OpenSSL asks for the passphrase on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  PrivateKey key(PEM_read_bio_PrivateKey(Memory(pem).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

// Why a certificate is of no use today, or "".
std::string DateProblem(const X509* certificate) {
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
    return "the certificate expired on " + TimeText(X509_get0_notAfter(certificate));
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
    return "the certificate is not valid before " + TimeText(X509_get0_notBefore(certificate));
  return "";
}

// A bundle of authorities may hold old ones beside the one that counts.
Status CheckAuthorities(const Credentials& credentials) {
  const std::vector<Certificate> certificates = ParseCertificates(credentials.ca);
  if (certificates.empty()) return Bad(credentials.ca_name, "holds no PEM certificate");
  for (const Certificate& certificate : certificates) {
    if (DateProblem(certificate.get()).empty()) return Ok();
  }
  return Bad(credentials.ca_name, DateProblem(certificates.front().get()));
}

Status CheckCertificateAndKey(const Credentials& credentials) {
  const std::vector<Certificate> chain = ParseCertificates(credentials.cert);
  if (chain.empty()) return Bad(credentials.cert_name, "holds no PEM certificate");
  for (const Certificate& certificate : chain) {
    const std::string problem = DateProblem(certificate.get());
    if (!problem.empty()) return Bad(credentials.cert_name, problem);
  }
  const PrivateKey key = ParseKey(credentials.key);
  if (key == nullptr) {
    const bool encrypted = credentials.key.find("ENCRYPTED") != std::string::npos;
    return Bad(credentials.key_name, encrypted
                                         ? "the key is encrypted; only keys without a passphrase are possible"
                                         : "holds no PEM private key");
  }
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    ERR_clear_error();
    return Bad(credentials.key_name, "does not belong to the " + credentials.cert_name);
  }
  return Ok();
}

struct Source {
  const std::string& pem;
  const std::string& file;
  bool given() const { return !pem.empty() || !file.empty(); }
};

Status Take(const Source& source, const std::string& what, std::string& pem, std::string& name) {
  name = source.file.empty() ? what + " (inline)" : what + " " + source.file;
  pem = source.pem;
  if (source.file.empty()) return Ok();
  auto text = ReadFile(source.file);
  if (!text.has_value())
    return Bad(name, "cannot be read: " + std::string(std::strerror(text.error().sys_errno())));
  pem = std::move(*text);
  return Ok();
}

struct Connecting {
  UniqueFd fd;
  std::string problem;
};

// The first of the host's addresses that answers.
Connecting ConnectTcp(const Endpoint& endpoint, Duration timeout) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found); code != 0)
    return {{}, fmt::format("cannot find the address of {}: {}", endpoint.host, gai_strerror(code))};
  const std::unique_ptr<addrinfo, Free<freeaddrinfo>> owner(found);
  // No time at all would mean no limit to the socket.
  timeout = std::max<Duration>(timeout, std::chrono::milliseconds(10));
  timeval limit{};
  limit.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(timeout).count();
  limit.tv_usec = std::chrono::duration_cast<std::chrono::microseconds>(timeout).count() % 1'000'000;
  Connecting result;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    UniqueFd fd(socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd.get(), address->ai_addr, address->ai_addrlen) == 0) return {std::move(fd), ""};
    // A connect that runs into the time-out of the socket says "in progress".
    const int reason = errno == EINPROGRESS ? ETIMEDOUT : errno;
    result.problem = std::string("cannot connect: ") + std::strerror(reason);
  }
  return result;
}

std::string OpenSslReason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "";
}

Context MakeContext(const Credentials& credentials) {
  Context context(SSL_CTX_new(TLS_client_method()));
  // The verdict is read afterwards: a handshake that ends at once would keep the certificate from us.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  if (credentials.ca.empty()) SSL_CTX_set_default_verify_paths(context.get());
  for (const Certificate& ca : ParseCertificates(credentials.ca))
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get());
  std::vector<Certificate> chain = ParseCertificates(credentials.cert);
  const PrivateKey key = ParseKey(credentials.key);
  if (chain.empty() || key == nullptr) return context;
  SSL_CTX_use_certificate(context.get(), chain.front().get());
  SSL_CTX_use_PrivateKey(context.get(), key.get());
  for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context.get(), chain[i].get());
  return context;
}

void ExpectHost(SSL* session, const std::string& host) {
  in6_addr unused{};
  if (inet_pton(AF_INET, host.c_str(), &unused) == 1 || inet_pton(AF_INET6, host.c_str(), &unused) == 1) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str());
    return;
  }
  SSL_set1_host(session, host.c_str());
  // The macro for this casts in a way we do not.
  SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()));
}

// What the server's certificate is for, to show beside the name we wanted: "DNS:etcd1, IP Address:10.0.0.1".
std::string NamesOf(X509* certificate) {
  if (certificate == nullptr) return "";
  const int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
  if (at < 0) return "";
  const Bio bio(BIO_new(BIO_s_mem()));
  X509V3_EXT_print(bio.get(), X509_get_ext(certificate, at), 0, 0);
  char text[1024];
  const int size = BIO_read(bio.get(), text, sizeof text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : "";
}

std::string RefusedServer(SSL* session, long verdict, const Endpoint& endpoint,
                          const Credentials& credentials) {
  std::string reason = X509_verify_cert_error_string(verdict);
  if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    const std::unique_ptr<X509, Free<X509_free>> theirs(SSL_get1_peer_certificate(session));
    const std::string names = NamesOf(theirs.get());
    reason = fmt::format("it is not for {}{}", endpoint.host, names.empty() ? "" : " but for " + names);
  } else if (verdict != X509_V_ERR_CERT_HAS_EXPIRED && verdict != X509_V_ERR_CERT_NOT_YET_VALID) {
    reason += credentials.ca.empty() ? ", checked with the system's authorities"
                                     : ", checked with the " + credentials.ca_name;
  }
  return "the server's certificate is refused: " + reason;
}

std::string RefusedClient(const std::string& reason, const Credentials& credentials) {
  if (credentials.cert.empty()) return "the server wants a client certificate: " + reason;
  return fmt::format("the server refuses the {}: {}", credentials.cert_name, reason);
}

// One handshake; "" if both sides accept each other.
std::string TryTls(int fd, const Endpoint& endpoint, const Credentials& credentials) {
  const Context context = MakeContext(credentials);
  const Session session(SSL_new(context.get()));
  SSL_set_fd(session.get(), fd);
  ExpectHost(session.get(), endpoint.host);
  ERR_clear_error();
  const bool connected = SSL_connect(session.get()) == 1;
  const std::string reason = OpenSslReason();
  if (const long verdict = SSL_get_verify_result(session.get()); verdict != X509_V_OK)
    return RefusedServer(session.get(), verdict, endpoint, credentials);
  if (!connected) {
    // etcd without TLS closes the connection when it meets TLS; other servers answer in their own protocol.
    const bool silent = BIO_number_read(SSL_get_rbio(session.get())) == 0;
    if (silent || reason == "wrong version number" || reason == "packet length too long")
      return "the server does not speak TLS: the endpoint should be http://";
    if (reason.find("certificate") != std::string::npos) return RefusedClient(reason, credentials);
    return "TLS handshake: " + (reason.empty() ? "the server ended it" : reason);
  }
  // With TLS 1.3 the server judges our certificate after the handshake: its alert comes with the first read.
  // Writing would end this process by SIGPIPE when the server is already gone.
  char byte = 0;
  if (SSL_read(session.get(), &byte, 1) > 0) return "";
  const std::string alert = OpenSslReason();
  return alert.find("alert") != std::string::npos ? RefusedClient(alert, credentials) : "";
}

// A server of TLS answers the first bytes of TLS, whatever it thinks of our certificate.
bool SpeaksTls(int fd) {
  const Context context(SSL_CTX_new(TLS_client_method()));
  const Session session(SSL_new(context.get()));
  SSL_set_fd(session.get(), fd);
  const bool connected = SSL_connect(session.get()) == 1;
  const std::unique_ptr<X509, Free<X509_free>> theirs(SSL_get1_peer_certificate(session.get()));
  ERR_clear_error();
  return connected || theirs != nullptr;
}

}  // namespace

Result<Credentials> LoadCredentials(const EtcdOptions& options) {
  const Source ca{options.ca_pem, options.ca_file};
  const Source cert{options.cert_pem, options.cert_file};
  const Source key{options.key_pem, options.key_file};
  const bool inlined = !ca.pem.empty() || !cert.pem.empty() || !key.pem.empty();
  // Reference datastore-model A.5, with these words.
  if (inlined && (!ca.file.empty() || !cert.file.empty() || !key.file.empty())) {
    return Error(ErrorCode::kInvalidArgument,
                 "Cannot mix inline certificate-key and certificate / key files");
  }
  if (cert.pem.empty() != key.pem.empty())
    return Error(ErrorCode::kInvalidArgument, "Certificate and Key must both be present inline.");
  if (cert.given() != key.given()) {
    return Error(ErrorCode::kInvalidArgument,
                 cert.given()
                     ? fmt::format("etcd certificate {} is given without a key: both or neither", cert.file)
                     : fmt::format("etcd key {} is given without a certificate: both or neither", key.file));
  }
  Credentials credentials;
  RETURN_IF_ERROR(Take(ca, "etcd CA certificate", credentials.ca, credentials.ca_name));
  RETURN_IF_ERROR(Take(cert, "etcd certificate", credentials.cert, credentials.cert_name));
  RETURN_IF_ERROR(Take(key, "etcd key", credentials.key, credentials.key_name));
  if (ca.given()) RETURN_IF_ERROR(CheckAuthorities(credentials));
  if (cert.given()) RETURN_IF_ERROR(CheckCertificateAndKey(credentials));
  return credentials;
}

Explanation ExplainConnection(const std::string& url, const Credentials& credentials, Duration timeout) {
  const auto endpoint = ParseEndpoint(url);
  if (!endpoint.has_value()) return {endpoint.error().message(), true};
  const Connecting connecting = ConnectTcp(*endpoint, timeout);
  if (!connecting.fd.valid()) return {connecting.problem, false};
  std::string reason;
  if (endpoint->tls) {
    reason = TryTls(connecting.fd.get(), *endpoint, credentials);
  } else if (SpeaksTls(connecting.fd.get())) {
    reason = "the server speaks TLS: the endpoint should be https://";
  }
  return {reason, !reason.empty()};
}

}  // namespace calico::datastore

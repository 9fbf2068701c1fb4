// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv3/tls.h"

#include <memory>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "datastore/etcdv3/endpoint.h"

namespace calico::datastore::etcdv3 {
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

Status CheckDates(const std::vector<Certificate>& certificates, const std::string& what) {
  if (certificates.empty()) return Bad(what, "holds no PEM certificate");
  for (const Certificate& certificate : certificates) {
    if (X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0) {
      return Bad(what, "the certificate expired on " + TimeText(X509_get0_notAfter(certificate.get())));
    }
    if (X509_cmp_current_time(X509_get0_notBefore(certificate.get())) > 0) {
      return Bad(what,
                 "the certificate is not valid before " + TimeText(X509_get0_notBefore(certificate.get())));
    }
  }
  return Ok();
}

Result<std::string> Take(const std::string& pem, const std::string& file) {
  if (!pem.empty() || file.empty()) return pem;
  return ReadFile(file);
}

std::string Described(const char* what, const std::string& file) {
  return file.empty() ? std::string("etcd ") + what + " (inline)" : std::string("etcd ") + what + " " + file;
}

UniqueFd ConnectTcp(const Endpoint& endpoint, Duration timeout) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, Free<freeaddrinfo>> owner(found);
  UniqueFd fd(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  timeval limit{};
  limit.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(timeout).count();
  limit.tv_usec = std::chrono::duration_cast<std::chrono::microseconds>(timeout).count() % 1'000'000;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (connect(fd.get(), found->ai_addr, found->ai_addrlen) != 0) return {};
  return fd;
}

std::string OpenSslReason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "";
}

}  // namespace

Result<Credentials> LoadCredentials(const EtcdOptions& options) {
  Credentials credentials;
  ASSIGN_OR_RETURN(credentials.ca, Take(options.ca_pem, options.ca_file));
  ASSIGN_OR_RETURN(credentials.cert, Take(options.cert_pem, options.cert_file));
  ASSIGN_OR_RETURN(credentials.key, Take(options.key_pem, options.key_file));
  if (!options.ca_pem.empty() || !options.ca_file.empty()) {
    RETURN_IF_ERROR(
        CheckDates(ParseCertificates(credentials.ca), Described("CA certificate", options.ca_file)));
  }
  const bool has_cert = !options.cert_pem.empty() || !options.cert_file.empty();
  const bool has_key = !options.key_pem.empty() || !options.key_file.empty();
  if (has_cert != has_key) {
    return Error(ErrorCode::kInvalidArgument, "etcd: certificate and key must both be given, or neither");
  }
  if (!has_cert) return credentials;
  const std::vector<Certificate> chain = ParseCertificates(credentials.cert);
  RETURN_IF_ERROR(CheckDates(chain, Described("certificate", options.cert_file)));
  const PrivateKey key(PEM_read_bio_PrivateKey(Memory(credentials.key).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  const std::string key_name = Described("key", options.key_file);
  if (key == nullptr) return Bad(key_name, "holds no PEM private key");
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    ERR_clear_error();
    return Bad(key_name, "does not belong to the certificate " + options.cert_file);
  }
  return credentials;
}

std::string ExplainHandshake(const std::string& url, const Credentials& credentials, Duration timeout) {
  const auto endpoint = ParseEndpoint(url);
  if (!endpoint.has_value() || !endpoint->tls) return "";
  const UniqueFd fd = ConnectTcp(*endpoint, timeout);
  if (!fd.valid()) return "";
  const Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (credentials.ca.empty()) SSL_CTX_set_default_verify_paths(context.get());
  for (const Certificate& ca : ParseCertificates(credentials.ca)) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get());
  }
  const std::vector<Certificate> chain = ParseCertificates(credentials.cert);
  const PrivateKey key(PEM_read_bio_PrivateKey(Memory(credentials.key).get(), nullptr, nullptr, nullptr));
  if (!chain.empty() && key != nullptr) {
    SSL_CTX_use_certificate(context.get(), chain.front().get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
  }
  const Session session(SSL_new(context.get()));
  SSL_set_fd(session.get(), fd.get());
  in6_addr unused{};
  if (inet_pton(AF_INET, endpoint->host.c_str(), &unused) == 1 ||
      inet_pton(AF_INET6, endpoint->host.c_str(), &unused) == 1) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session.get()), endpoint->host.c_str());
  } else {
    SSL_set1_host(session.get(), endpoint->host.c_str());
    // The macro for this casts in a way we do not.
    SSL_ctrl(session.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(endpoint->host.c_str()));
  }
  ERR_clear_error();
  if (SSL_connect(session.get()) != 1) {
    if (const long verdict = SSL_get_verify_result(session.get()); verdict != X509_V_OK) {
      return fmt::format("the server's certificate is refused: {}", X509_verify_cert_error_string(verdict));
    }
    const std::string reason = OpenSslReason();
    return reason.empty() ? "" : "TLS handshake: " + reason;
  }
  // With TLS 1.3 the server judges our certificate after the handshake: its alert comes with the first read.
  static constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  SSL_write(session.get(), kPreface, sizeof kPreface - 1);
  char byte = 0;
  if (SSL_read(session.get(), &byte, 1) <= 0) {
    const std::string reason = OpenSslReason();
    if (reason.find("alert") != std::string::npos) return "the server refuses our certificate: " + reason;
  }
  return "";
}

}  // namespace calico::datastore::etcdv3

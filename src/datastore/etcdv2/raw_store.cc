// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv2/raw_store.h"

#include <algorithm>

#include <fmt/format.h>

namespace calico::datastore::etcdv2 {
namespace {

// Numbers of etcd's v2 API.
constexpr int kKeyNotFound = 100;
constexpr int kTestFailed = 101;
constexpr int kNotAFile = 102;
constexpr int kNodeExists = 105;
constexpr int kUnauthorized = 110;
constexpr int kRaftInternal = 300;
constexpr int kLeaderElect = 301;
constexpr int kWatcherCleared = 400;
constexpr int kEventIndexCleared = 401;

}  // namespace

std::string KeysPath(const std::string& key) {
  return "/v2/keys" + key;
}

Error ToError(const Transport& transport, const HttpAnswer& answer) {
  const auto said = ParseError(answer.body);
  const auto error = [&](ErrorCode code, const std::string& text) {
    return Error(code, fmt::format("{}: {}", transport.name(), text));
  };
  if (answer.status == 401 || (said && said->code == kUnauthorized)) {
    const std::string who =
        transport.username().empty()
            ? "no user name and password are set"
            : fmt::format("user '{}' or the password is wrong, or may not do this", transport.username());
    return error(ErrorCode::kUnsupported,
                 fmt::format("connection is unauthorized: {} ({})", who, said ? said->message : ""));
  }
  if (answer.status == 404 && (!said || said->code == 0)) {
    return error(ErrorCode::kUnsupported,
                 "the server has no v2 API: start etcd with --enable-v2=true, or use etcdv3");
  }
  if (!said)
    return error(ErrorCode::kUnavailable,
                 fmt::format("status {}: {}", answer.status, answer.body.substr(0, 200)));
  switch (said->code) {
    case kKeyNotFound:
    case kNotAFile:
    case kWatcherCleared:
    case kEventIndexCleared:
      return error(ErrorCode::kNotFound, said->message);
    case kTestFailed:
      return error(ErrorCode::kConflict, said->message);
    case kNodeExists:
      return error(ErrorCode::kAlreadyExists, said->message);
    case kRaftInternal:
    case kLeaderElect:
      return error(ErrorCode::kUnavailable, said->message);
    default:
      return error(answer.status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kSystem, said->message);
  }
}

Result<RawList> RawStore::Read(const std::string& key, bool recursive) const {
  HttpQuestion question;
  question.path = KeysPath(key);
  question.repeatable = true;
  question.query = {{"quorum", "true"}};
  if (recursive) {
    question.query.emplace_back("recursive", "true");
    question.query.emplace_back("sorted", "true");
  }
  const TimePoint own = std::chrono::steady_clock::now() + transport_->call_timeout();
  ASSIGN_OR_RETURN(const HttpAnswer answer,
                   transport_->Ask(question, deadline_ ? std::min(*deadline_, own) : own));
  RawList list;
  list.index = answer.etcd_index;
  if (answer.status >= 400) {
    const auto said = ParseError(answer.body);
    if (!said || said->code != kKeyNotFound) return ToError(*transport_, answer);
    list.index = std::max(list.index, said->index);
    return list;
  }
  ASSIGN_OR_RETURN(RawAnswer parsed, ParseAnswer(answer.body));
  list.nodes = std::move(parsed.nodes);
  return list;
}

Result<RawNode> RawStore::Get(const std::string& key) const {
  ASSIGN_OR_RETURN(RawList list, Read(key, false));
  if (list.nodes.empty() || list.nodes.front().dir) return Error(ErrorCode::kNotFound, "no such key: " + key);
  return std::move(list.nodes.front());
}

Result<RawList> RawStore::List(const std::string& root, bool recursive) const {
  return Read(root, recursive);
}

Result<Revision> RawStore::Write(const HttpQuestion& question) const {
  const TimePoint own = std::chrono::steady_clock::now() + transport_->call_timeout();
  ASSIGN_OR_RETURN(const HttpAnswer answer,
                   transport_->Ask(question, deadline_ ? std::min(*deadline_, own) : own));
  if (answer.status >= 400) return ToError(*transport_, answer);
  ASSIGN_OR_RETURN(const RawAnswer parsed, ParseAnswer(answer.body));
  return parsed.nodes.front().modified;
}

Result<Revision> RawStore::Put(const std::string& key, const std::string& value, const Condition& condition,
                               std::optional<int> ttl_seconds) const {
  HttpQuestion question;
  question.method = "PUT";
  question.path = KeysPath(key);
  question.form = {{"value", value}};
  if (condition.exists) question.query.emplace_back("prevExist", *condition.exists ? "true" : "false");
  if (condition.index) question.query.emplace_back("prevIndex", std::to_string(*condition.index));
  if (ttl_seconds) question.form.emplace_back("ttl", std::to_string(*ttl_seconds));
  return Write(question);
}

Result<Revision> RawStore::MakeDirectory(const std::string& key) const {
  HttpQuestion question;
  question.method = "PUT";
  question.path = KeysPath(key);
  question.query = {{"dir", "true"}, {"prevExist", "false"}};
  return Write(question);
}

Status RawStore::Delete(const std::string& key, std::optional<Revision> index, bool recursive) const {
  HttpQuestion question;
  question.method = "DELETE";
  question.path = KeysPath(key);
  if (recursive) question.query.emplace_back("recursive", "true");
  if (index) question.query.emplace_back("prevIndex", std::to_string(*index));
  ASSIGN_OR_RETURN(const Revision at, Write(question));
  static_cast<void>(at);
  return Ok();
}

Status RawStore::DeleteEmptyDirectory(const std::string& key) const {
  HttpQuestion question;
  question.method = "DELETE";
  question.path = KeysPath(key);
  question.query = {{"dir", "true"}};
  ASSIGN_OR_RETURN(const Revision at, Write(question));
  static_cast<void>(at);
  return Ok();
}

}  // namespace calico::datastore::etcdv2

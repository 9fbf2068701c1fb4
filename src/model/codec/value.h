// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: single JSON values as members of objects and back.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "model/codec/fields.h"
#include "model/codec/scalar.h"
#include "model/rule.h"
#include "net/cidr.h"

namespace calico::model::codec {

// One step of the way from a document's root to a value. Steps live on the stack of the readers; only a
// message makes a pointer (RFC 6901) of them.
class Step {
 public:
  // A root: `pointer` leads to it.
  Step(std::string_view pointer) : name_(pointer) {}    // NOLINT(google-explicit-constructor)
  Step(const std::string& pointer) : name_(pointer) {}  // NOLINT(google-explicit-constructor)
  Step(const char* pointer) : name_(pointer) {}         // NOLINT(google-explicit-constructor)
  Step(const Step& parent, std::string_view member) : parent_(&parent), name_(member) {}
  Step(const Step& parent, std::size_t item) : parent_(&parent), item_(item), is_item_(true) {}

  std::string Pointer() const;

 private:
  const Step* parent_ = nullptr;
  std::string_view name_;
  std::size_t item_ = 0;
  bool is_item_ = false;
};

// Thrown while decoding only; DecodeObject turns it into an Error.
struct Bad {
  std::string pointer;  // RFC 6901, of the member
  std::string text;
};
[[noreturn]] void Fail(const Step& at, const std::string& why);

// What stands in the document, for messages.
std::string Shown(const Json& json);
bool IsPlain(const Json& json);

// RFC 6901: a member's name as one step of a pointer.
std::string EscapePointer(std::string_view name);
std::string UnescapePointer(const std::string& step);
// Like Go, writes U+FFFD for bytes that are no UTF-8.
std::string Dump(const Json& json);

// --- reading one value; each throws Bad

void Read(const Json& json, std::string& out, const Step& at);
void Read(const Json& json, bool& out, const Step& at);
void Read(const Json& json, int& out, const Step& at);
void Read(const Json& json, std::int64_t& out, const Step& at);
void Read(const Json& json, std::uint64_t& out, const Step& at);
void Read(const Json& json, double& out, const Step& at);
// AS numbers: a number, its text, or "a.b" (reference datastore-model C.2).
void Read(const Json& json, std::uint32_t& out, const Step& at);
void ReadUint32(const Json& json, std::uint32_t& out, const Step& at);  // digits only
void Read(const Json& json, net::Cidr& out, const Step& at);
void Read(const Json& json, Port& out, const Step& at);
void Read(const Json& json, std::map<std::string, std::string>& out, const Step& at);
void Read(const Json& json, std::map<std::string, int>& out, const Step& at);
void Read(const Json& json, std::map<std::string, std::uint64_t>& out, const Step& at);

// --- writing one value

Json Write(const std::string& value);
Json Write(bool value);
Json Write(int value);
Json Write(std::uint32_t value);
Json Write(std::int64_t value);
Json Write(std::uint64_t value);
// As Go does: integral floats without a point.
Json Write(double value);
Json Write(const net::Cidr& value);
Json Write(const Port& value);
Json Write(const std::map<std::string, std::string>& value);
Json Write(const std::map<std::string, int>& value);
Json Write(const std::map<std::string, std::uint64_t>& value);

}  // namespace calico::model::codec

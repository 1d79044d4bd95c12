#include <ArduinoJson.h>

#include <cctype>
#include <cmath>
#include <cstdio>

using ArduinoJson::host::Value;

namespace {

void quote(std::string& out, const std::string& s) {
  out += '"';
  for (unsigned char c : s) {
    const char* plain = "\"\\\b\f\n\r\t";
    const char* letter = "\"\\bfnrt";
    const char* found = c ? strchr(plain, c) : nullptr;
    if (found) {
      out += '\\';
      out += letter[found - plain];
    } else {
      out += char(c);
    }
  }
  out += '"';
}

void number(std::string& out, const Value& v) {
  if (!std::isfinite(v.d)) {
    out += "null";
    return;
  }
  char digits[400];
  snprintf(digits, sizeof digits, "%.*f", v.single ? 6 : 9, v.d);
  std::string s = digits;
  s.erase(s.find_last_not_of('0') + 1);
  if (s.back() == '.') s.pop_back();
  out += s;
}

void write(std::string& out, const Value& v) {
  switch (v.kind) {
    case Value::null: out += "null"; break;
    case Value::boolean: out += v.i ? "true" : "false"; break;
    case Value::integer: out += std::to_string(v.i); break;
    case Value::real: number(out, v); break;
    case Value::text: quote(out, v.s); break;
  }
}

// Reader reads one JSON text, once.
class Reader {
 public:
  using Code = DeserializationError::Code;
  Reader(const char* p, size_t n) : p_(p), end_(p + n) {}

  void blank() {
    while (p_ < end_ && isspace((unsigned char)*p_)) p_++;
  }
  bool take(char c) {
    blank();
    if (p_ < end_ && *p_ == c) return p_++, true;
    return false;
  }
  // bad is what is wrong when something else was wanted here.
  Code bad() {
    blank();
    return p_ == end_ || !*p_ ? Code::IncompleteInput : Code::InvalidInput;
  }
  bool empty() {
    blank();
    return p_ == end_;
  }

  Code text(std::string& out) {
    if (!take('"')) return bad();
    for (; p_ < end_ && *p_ != '"'; p_++) {
      if (*p_ == '\\') {
        if (Code code = escape(out); code != Code::Ok) return code;
      } else {
        out += *p_;
      }
    }
    if (p_ == end_) return Code::IncompleteInput;
    p_++;
    return Code::Ok;
  }

  Code value(Value& v, int depth = 0) {
    blank();
    if (p_ == end_) return Code::IncompleteInput;
    if (*p_ == '"') {
      v.kind = Value::text;
      return text(v.s);
    }
    if (*p_ == '{' || *p_ == '[') return inside(depth);
    if (word("true")) return v.set(true), Code::Ok;
    if (word("false")) return v.set(false), Code::Ok;
    if (word("null")) return Code::Ok;
    return numeral(v);
  }

 private:
  bool word(const char* w) {
    size_t n = strlen(w);
    if (size_t(end_ - p_) < n || strncmp(p_, w, n) != 0) return false;
    p_ += n;
    return true;
  }

  Code numeral(Value& v) {
    const char* begin = p_;
    while (p_ < end_ && (isalnum((unsigned char)*p_) || *p_ == '-' || *p_ == '+' || *p_ == '.')) p_++;
    std::string s(begin, p_);
    char* rest;
    if (s.empty()) return bad();
    v.d = strtod(s.c_str(), &rest);
    if (*rest) return Code::InvalidInput;
    bool whole = s.find_first_of(".eE") == std::string::npos;
    v.kind = whole ? Value::integer : Value::real;
    if (whole) v.i = strtoll(s.c_str(), nullptr, 10);
    return Code::Ok;
  }

  Code escape(std::string& out) {
    if (++p_ == end_) return Code::IncompleteInput;
    const char* letter = "\"\\/bfnrt";
    const char* found = strchr(letter, *p_);
    if (found && *p_) {
      out += "\"\\/\b\f\n\r\t"[found - letter];
      return Code::Ok;
    }
    if (*p_ != 'u') return Code::InvalidInput;
    if (end_ - p_ < 5) return Code::IncompleteInput;
    unsigned code = unsigned(strtoul(std::string(p_ + 1, p_ + 5).c_str(), nullptr, 16));
    p_ += 4;
    if (code < 0x80) {
      out += char(code);
    } else if (code < 0x800) {
      out += char(0xc0 | code >> 6), out += char(0x80 | (code & 0x3f));
    } else {
      out += char(0xe0 | code >> 12), out += char(0x80 | (code >> 6 & 0x3f)), out += char(0x80 | (code & 0x3f));
    }
    return Code::Ok;
  }

  // inside reads past an object or an array.
  Code inside(int depth) {
    if (depth >= 10) return Code::TooDeep;
    bool object = *p_++ == '{';
    char close = object ? '}' : ']';
    if (take(close)) return Code::Ok;
    do {
      std::string key;
      Value ignored;
      if (object) {
        if (Code code = text(key); code != Code::Ok) return code;
        if (!take(':')) return bad();
      }
      if (Code code = value(ignored, depth + 1); code != Code::Ok) return code;
    } while (take(','));
    return take(close) ? Code::Ok : bad();
  }

  const char* p_;
  const char* end_;
};

}  // namespace

void Value::set(const char* v) {
  *this = v ? Value{text, 0, 0, false, v} : Value{};
}

const char* DeserializationError::c_str() const {
  static const char* names[] = {"Ok", "EmptyInput", "IncompleteInput", "InvalidInput", "NoMemory", "TooDeep"};
  return names[code_];
}

Value& JsonVariant::place() { return doc_.add(key_); }

const Value& JsonVariant::value() const {
  static const Value missing;
  const Value* v = doc_.find(key_);
  return v ? *v : missing;
}

Value* JsonDocument::find(const std::string& key) {
  for (auto& [name, value] : members_) {
    if (name == key) return &value;
  }
  return nullptr;
}

Value& JsonDocument::add(const std::string& key) {
  if (Value* v = find(key)) return *v;
  members_.emplace_back(key, Value{});
  return members_.back().second;
}

DeserializationError deserializeJson(JsonDocument& doc, const char* text, size_t n) {
  doc.clear();
  Reader in(text, n);
  if (!text || in.empty()) return DeserializationError::EmptyInput;
  if (!in.take('{')) {
    Value alone;  // a number, a text, an array: nothing that has keys
    return in.value(alone);
  }
  if (in.take('}')) return DeserializationError::Ok;
  do {
    std::string key;
    Value v;
    if (auto code = in.text(key); code != DeserializationError::Ok) return code;
    if (!in.take(':')) return in.bad();
    if (auto code = in.value(v); code != DeserializationError::Ok) return code;
    doc.add(key) = v;
  } while (in.take(','));
  return in.take('}') ? DeserializationError::Ok : in.bad();
}

size_t serializeJson(const JsonDocument& doc, String& out) {
  std::string s = "{";
  for (auto& [key, value] : doc.members_) {
    if (s.size() > 1) s += ',';
    quote(s, key);
    s += ':';
    write(s, value);
  }
  s += '}';
  out = doc.members_.empty() ? "null" : s.c_str();
  return out.length();
}

size_t serializeJson(const JsonDocument& doc, char* out, size_t size) {
  String s;
  serializeJson(doc, s);
  s.toCharArray(out, unsigned(size));
  return strlen(out);
}

size_t serializeJson(const JsonDocument& doc, Print& out) {
  String s;
  serializeJson(doc, s);
  return out.print(s);
}

size_t measureJson(const JsonDocument& doc) {
  String s;
  return serializeJson(doc, s);
}

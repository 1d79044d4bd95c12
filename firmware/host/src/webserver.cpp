#include <DNSServer.h>
#include <WebServer.h>
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "clock.h"
#include "link.h"
#include "options.h"
#include "report.h"

namespace {

constexpr size_t maxRequest = 16384;
constexpr int requestMs = 2000;  // real: a person's browser on this machine

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = char(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// decoded undoes the encoding of a form (application/x-www-form-urlencoded).
String decoded(const std::string& s) {
  std::string out;
  for (size_t i = 0; i < s.size(); i++) {
    if (s[i] == '%' && i + 2 < s.size() && hexDigit(s[i + 1]) >= 0 && hexDigit(s[i + 2]) >= 0) {
      out += char(hexDigit(s[i + 1]) << 4 | hexDigit(s[i + 2]));
      i += 2;
    } else {
      out += s[i] == '+' ? ' ' : s[i];
    }
  }
  return out.c_str();
}

// header finds a header's value in a request's head.
std::string header(const std::string& head, const char* name) {
  for (size_t at = head.find('\n'); at != std::string::npos; at = head.find('\n', at + 1)) {
    size_t colon = head.find(':', at);
    if (colon == std::string::npos) break;
    if (!String(head.substr(at + 1, colon - at - 1).c_str()).equalsIgnoreCase(name)) continue;
    String value = head.substr(colon + 1, head.find('\r', colon) - colon - 1).c_str();
    value.trim();
    return value.c_str();
  }
  return "";
}

}  // namespace

void WebServer::begin() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(uint16_t(host::optionReal("BOARD_HTTP_PORT", 0)));
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  bool ok = bind(listener_, reinterpret_cast<sockaddr*>(&a), size) == 0 && listen(listener_, 8) == 0 &&
            getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size) == 0;
  host::Event("listening").number("port", ok ? ntohs(a.sin_port) : -1).number("instead_of", port_);
}

void WebServer::stop() {
  if (listener_ >= 0) close(listener_);
  listener_ = -1;
}

void WebServer::on(const char* uri, HTTPMethod method, THandlerFunction handler) {
  routes_.push_back({uri, method, std::move(handler)});
}

void WebServer::handleClient() {
  if (listener_ < 0 || (client_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) < 0) return;
  if (!host::scanning() && readRequest()) {
    THandlerFunction handler = notFound_;
    for (const Route& r : routes_) {
      if (uri_ == r.uri.c_str() && (r.method == HTTP_ANY || r.method == method_)) {
        handler = r.handler;
        break;
      }
    }
    if (handler) {
      handler();
    } else {
      send(404, "text/plain", "Not found: " + uri_);
    }
  }
  close(client_);
  client_ = -1;
}

bool WebServer::readRequest() {
  std::string in;
  size_t end = std::string::npos, body = 0;
  while (end == std::string::npos || in.size() < end + 4 + body) {
    pollfd p{client_, POLLIN, 0};
    char chunk[1024];
    host::Pause pause(uint64_t(requestMs) * 1000);  // the machine's patience may be longer
    ssize_t n = poll(&p, 1, requestMs) > 0 ? recv(client_, chunk, sizeof chunk, 0) : 0;
    if (n <= 0 || in.size() > maxRequest) return false;
    in.append(chunk, size_t(n));
    end = in.find("\r\n\r\n");
    if (end != std::string::npos) body = strtoul(header(in.substr(0, end + 2), "Content-Length").c_str(), nullptr, 10);
  }
  std::string head = in.substr(0, end + 2);
  size_t space = head.find(' '), second = head.find(' ', space + 1);
  if (space == std::string::npos || second == std::string::npos) return false;
  method_ = head.compare(0, space, "POST") == 0 ? HTTP_POST : HTTP_GET;
  std::string target = head.substr(space + 1, second - space - 1);
  size_t query = target.find('?');
  uri_ = decoded(target.substr(0, query));
  host_ = header(head, "Host").c_str();
  headers_ = "";
  args_.clear();
  if (query != std::string::npos) parseArgs(target.substr(query + 1));
  if (method_ == HTTP_POST) parseArgs(in.substr(end + 4, body));
  return true;
}

void WebServer::parseArgs(const std::string& form) {
  for (size_t at = 0; at < form.size();) {
    size_t end = std::min(form.find('&', at), form.size());
    std::string pair = form.substr(at, end - at);
    size_t eq = std::min(pair.find('='), pair.size());
    args_.emplace_back(decoded(pair.substr(0, eq)), decoded(pair.substr(std::min(eq + 1, pair.size()))));
    at = end + 1;
  }
}

bool WebServer::hasArg(const String& name) const {
  for (auto& [key, value] : args_) {
    if (key == name) return true;
  }
  return false;
}

String WebServer::arg(const String& name) const {
  for (auto& [key, value] : args_) {
    if (key == name) return value;
  }
  return String();
}

void WebServer::sendHeader(const String& name, const String& value, bool) {
  headers_ += name + ": " + value + "\r\n";
}

void WebServer::send(int code, const char* type, const String& content) {
  if (client_ < 0) return;
  String out = String("HTTP/1.1 ") + code + " OK\r\nContent-Type: " + (type ? type : "text/html") + "\r\n";
  out += String("Content-Length: ") + content.length() + "\r\nConnection: close\r\n" + headers_ + "\r\n" + content;
  const char* p = out.c_str();
  for (size_t left = out.length(); left > 0;) {
    ssize_t n = ::send(client_, p, left, MSG_NOSIGNAL);
    if (n <= 0) return;
    p += n, left -= size_t(n);
  }
}

bool DNSServer::start(uint16_t, const String& name, const IPAddress&) {
  host::Event("dns").text("name", name.c_str()).flag("on", true);
  return true;
}

bool DNSServer::start() { return start(53, "*", IPAddress()); }

void DNSServer::stop() { host::Event("dns").flag("on", false); }

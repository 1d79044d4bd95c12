// Stand-in for the ESP32 core's web server: a real one on 127.0.0.1, one request
// per handleClient(), for the portal where settings are typed in.
#pragma once

#include <Arduino.h>

#include <string>
#include <utility>
#include <vector>

typedef enum { HTTP_ANY, HTTP_GET, HTTP_POST } HTTPMethod;

class WebServer {
 public:
  typedef std::function<void()> THandlerFunction;

  explicit WebServer(int port = 80) : port_(port) {}
  ~WebServer() { stop(); }
  void begin();
  void stop();
  void handleClient();
  void on(const char* uri, THandlerFunction handler) { on(uri, HTTP_ANY, handler); }
  void on(const char* uri, HTTPMethod method, THandlerFunction handler);
  void onNotFound(THandlerFunction handler) { notFound_ = handler; }

  String uri() const { return uri_; }
  HTTPMethod method() const { return method_; }
  String hostHeader() const { return host_; }
  bool hasArg(const String& name) const;
  String arg(const String& name) const;
  int args() const { return int(args_.size()); }
  void sendHeader(const String& name, const String& value, bool first = false);
  void send(int code, const char* type = nullptr, const String& content = String());
  void send(int code, const String& type, const String& content) { send(code, type.c_str(), content); }

 private:
  struct Route {
    std::string uri;
    HTTPMethod method;
    THandlerFunction handler;
  };
  bool readRequest();
  void parseArgs(const std::string& form);

  int port_;
  int listener_ = -1, client_ = -1;
  std::vector<Route> routes_;
  THandlerFunction notFound_;
  String uri_, host_, headers_;
  HTTPMethod method_ = HTTP_GET;
  std::vector<std::pair<String, String>> args_;
};

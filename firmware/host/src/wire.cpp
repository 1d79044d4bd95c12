#include "wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

#include "clock.h"
#include "link.h"
#include "options.h"
#include "report.h"

namespace host {
namespace {

constexpr size_t sendBuffer = 5760;     // lwIP's TCP_SND_BUF on the ESP32
constexpr size_t receiveBuffer = 5760;  // and TCP_WND
constexpr uint64_t handshakeMs = 120000;

std::mutex wiresMutex;
std::vector<Wire*> wires;
std::vector<int> forgotten;  // closed while the radio was off: the server hears of it later

void closeForgotten() {
  std::lock_guard lock(wiresMutex);
  for (int fd : forgotten) close(fd);
  forgotten.clear();
}

// target finds where a host of the sketch's is in truth: BOARD_DIAL is a list
// HOST[:PORT]=ADDRESS:PORT,..., where HOST may be *. "" is nowhere.
std::string target(const std::string& host, uint16_t port, bool tls) {
  std::string list = optionText("BOARD_DIAL", "");
  if (tls) list += ",*=" + optionText("BOARD_SERVER_TLS", "");
  list += ",*=" + optionText("BOARD_SERVER", "");
  std::string full = host + ":" + std::to_string(port);
  for (size_t at = 0; at < list.size();) {
    size_t end = std::min(list.find(',', at), list.size());
    std::string entry = list.substr(at, end - at);
    size_t eq = entry.find('=');
    at = end + 1;
    if (eq == std::string::npos || eq + 1 == entry.size()) continue;
    std::string name = entry.substr(0, eq);
    if (name == "*" || name == host || name == full) return entry.substr(eq + 1);
  }
  return "";
}

bool parse(const std::string& address, sockaddr_in& out) {
  size_t colon = address.rfind(':');
  if (colon == std::string::npos) return false;
  out = {};
  out.sin_family = AF_INET;
  out.sin_port = htons(uint16_t(atoi(address.c_str() + colon + 1)));
  return inet_pton(AF_INET, address.substr(0, colon).c_str(), &out.sin_addr) == 1;
}

std::string tlsReason() {
  char text[200];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return text;
}

// trust makes ca the only authority of context.
bool trust(SSL_CTX* context, const char* ca) {
  BIO* memory = BIO_new_mem_buf(ca, -1);
  X509* certificate = PEM_read_bio_X509(memory, nullptr, nullptr, nullptr);
  BIO_free(memory);
  if (!certificate) return false;
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  bool ok = X509_STORE_add_cert(store, certificate) == 1;
  X509_free(certificate);
  X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME);  // the board has no clock
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return ok;
}

void expectName(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
  in_addr ip;
  if (inet_pton(AF_INET, host.c_str(), &ip) == 1) {
    X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str());
    return;
  }
  X509_VERIFY_PARAM_set1_host(param, host.c_str(), 0);
  SSL_set_tlsext_host_name(ssl, host.c_str());
}

}  // namespace

Wire::Wire() {
  std::lock_guard lock(wiresMutex);
  wires.push_back(this);
}

Wire::~Wire() {
  stop();
  std::lock_guard lock(wiresMutex);
  wires.erase(std::remove(wires.begin(), wires.end(), this), wires.end());
}

bool Wire::dial(const std::string& host, uint16_t port, uint64_t timeoutMs) {
  std::string address = target(host, port, tls_), why;
  Event("dial").text("host", host).number("port", port).flag("tls", tls_).text("to", address);
  bool ok = false;
  if (!linkUp()) {
    why = "no network";
  } else if (address.empty()) {
    why = "nothing answers there";
    sleepUs(timeoutMs * 1000);
  } else {
    ok = connectTo(address, timeoutMs, why) && (!tls_ || handshake(host, why));
  }
  if (!ok) {
    Event("dial_failed").text("host", host).text("reason", why);
    stop();
  }
  return ok;
}

bool Wire::connectTo(const std::string& address, uint64_t timeoutMs, std::string& why) {
  sockaddr_in to;
  if (!parse(address, to)) {
    why = "BOARD_DIAL or BOARD_SERVER want ADDRESS:PORT, not " + address;
    return false;
  }
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) {
    why = strerror(errno);
    return false;
  }
  pollfd p{fd_, POLLOUT, 0};
  int error = ETIMEDOUT;
  Pause pause(timeoutMs * 1000);  // the machine's patience may be longer
  if (poll(&p, 1, Deadline(timeoutMs).remainingMs()) > 0) {
    socklen_t size = sizeof error;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error) why = strerror(error);
  return error == 0;
}

bool Wire::handshake(const std::string& host, std::string& why) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  if (ca_ && !trust(context, ca_)) {
    why = "the pinned CA is no certificate: " + tlsReason();
    SSL_CTX_free(context);
    return false;
  }
  ssl_ = SSL_new(context);
  SSL_CTX_free(context);
  if (ca_) expectName(ssl_, host);
  SSL_set_fd(ssl_, fd_);
  Deadline deadline(handshakeMs);
  Pause pause(uint64_t(handshakeMs) * 1000);  // the machine's patience may be longer
  for (;;) {
    int result = SSL_connect(ssl_);
    if (result == 1) return true;
    bool wantsWrite = false;
    if (!step(result, wantsWrite)) {
      why = "TLS: " + tlsReason();
      return false;
    }
    pollfd p{fd_, short(wantsWrite ? POLLOUT : POLLIN), 0};
    if (poll(&p, 1, deadline.remainingMs()) <= 0) {
      why = "TLS: no answer";
      return false;
    }
  }
}

// step reports whether a TLS call only has to wait.
bool Wire::step(int result, bool& wantsWrite) {
  int error = SSL_get_error(ssl_, result);
  wantsWrite = error == SSL_ERROR_WANT_WRITE;
  return wantsWrite || error == SSL_ERROR_WANT_READ;
}

// receive takes what has come, up to the stack's window.
void Wire::receive() {
  uint8_t chunk[1460];
  while (fd_ >= 0 && !ended_ && in_.size() < receiveBuffer && linkUp()) {
    long n;
    if (ssl_) {
      ERR_clear_error();
      n = SSL_read(ssl_, chunk, sizeof chunk);
      bool wantsWrite;
      if (n <= 0 && step(int(n), wantsWrite)) break;
    } else {
      n = recv(fd_, chunk, sizeof chunk, 0);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) break;
    }
    if (n <= 0) {
      ended_ = true;
      break;
    }
    in_.append(reinterpret_cast<char*>(chunk), size_t(n));
  }
  buffered_ = in_.size();
}

bool Wire::connected() {
  if (fd_ < 0) return false;
  if (linkLostForMs() > linkMemoryMs) ended_ = true;
  flushPending();
  receive();
  return !ended_;  // whatever is buffered, as NetworkClient
}

size_t Wire::available() {
  receive();
  return in_.size();
}

size_t Wire::read(uint8_t* out, size_t n) {
  receive();
  n = std::min(n, in_.size());
  memcpy(out, in_.data(), n);
  in_.erase(0, n);
  buffered_ = in_.size();
  return n;
}

// put writes to the socket; 0 is "not now", less an end of the connection.
long Wire::put(const uint8_t* data, size_t n) {
  if (ssl_) {
    ERR_clear_error();
    long done = SSL_write(ssl_, data, int(n));
    bool wantsWrite;
    return done <= 0 && step(int(done), wantsWrite) ? 0 : (done <= 0 ? -1 : done);
  }
  long done = send(fd_, data, n, MSG_NOSIGNAL);
  return done < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : done;
}

void Wire::flushPending() {
  while (!pending_.empty() && !ended_ && linkUp()) {
    long n = put(reinterpret_cast<const uint8_t*>(pending_.data()), pending_.size());
    if (n < 0) ended_ = true;
    if (n <= 0) return;
    pending_.erase(0, size_t(n));
  }
}

size_t Wire::write(const uint8_t* data, size_t n) {
  if (!connected() || n == 0) return 0;
  if (linkUp() && pending_.empty()) {
    long done = put(data, n);
    if (done < 0) ended_ = true;
    if (done != 0) return done < 0 ? 0 : size_t(done);
  }
  n = std::min(n, sendBuffer - std::min(sendBuffer, pending_.size()));
  pending_.append(reinterpret_cast<const char*>(data), n);
  return n;
}

void Wire::stop() {
  if (fd_ < 0) return;
  bool heard = linkUp();
  if (ssl_) {
    if (heard) SSL_shutdown(ssl_);
    SSL_free(ssl_);
    ssl_ = nullptr;
  }
  if (heard) {
    close(fd_);
  } else {
    std::lock_guard lock(wiresMutex);
    forgotten.push_back(fd_);
  }
  fd_ = -1;
  ended_ = false;
  in_.clear();
  pending_.clear();
  buffered_ = 0;
}

void waitForTraffic(int64_t us) {
  if (linkUp()) closeForgotten();
  std::vector<pollfd> open;
  {
    std::lock_guard lock(wiresMutex);
    for (Wire* w : wires) {
      if (w->buffered()) return;
      if (w->descriptor() >= 0 && linkUp()) open.push_back({w->descriptor(), POLLIN, 0});
    }
  }
  timespec t{us / 1000000, us % 1000000 * 1000};
  Pause pause(uint64_t(double(us) / realMs(1)));
  ppoll(open.data(), nfds_t(open.size()), &t, nullptr);
}

}  // namespace host

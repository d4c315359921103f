/*
 * The least a push can cost: one epoll loop, one send() per connection and interval, all at once. No feature and no
 * protocol beyond a fixed response head, so what is left is the kernel's part.
 *
 *   reference PORT INTERVAL_MS BYTES_PER_WRITE
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1 << 17, WRITE_BYTES_MAX = 1 << 16, EVENTS_MAX = 512 };

static int listeners[CONNECTIONS_MAX];
static int listener_count;
static char has_asked[CONNECTIONS_MAX];
static char sound[WRITE_BYTES_MAX];

static void forget(int fd) {
	for (int at = 0; at < listener_count; at++) {
		if (listeners[at] == fd) {
			listeners[at] = listeners[--listener_count];
			break;
		}
	}
	close(fd);
}

int main(int argc, char **argv) {
	if (argc != 4) return 2;
	int port = atoi(argv[1]), interval_ms = atoi(argv[2]), bytes = atoi(argv[3]), one = 1;
	if (bytes > WRITE_BYTES_MAX) return 2;
	signal(SIGPIPE, SIG_IGN);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (int at = 0; at < WRITE_BYTES_MAX; at++) sound[at] = (char)rand();

	int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (bind(door, (struct sockaddr *)&here, sizeof here) < 0 || listen(door, 4096) < 0) {
		perror("Cannot listen");
		return 1;
	}
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), poll = epoll_create1(0);
	struct timespec every = {interval_ms / 1000, interval_ms % 1000 * 1000000L};
	struct itimerspec period = {every, every};
	timerfd_settime(timer, 0, &period, NULL);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = door}, ready[EVENTS_MAX];
	epoll_ctl(poll, EPOLL_CTL_ADD, door, &event);
	event.data.fd = timer;
	epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event);
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nConnection: close\r\nCache-Control: no-store\r\n\r\n";
	static char request[4096];

	for (;;) {
		int count = epoll_wait(poll, ready, EVENTS_MAX, -1);
		for (int at = 0; at < count; at++) {
			int fd = ready[at].data.fd;
			if (fd == door) {
				for (int fresh; (fresh = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
					if (fresh >= CONNECTIONS_MAX) {
						close(fresh);
						continue;
					}
					setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
					has_asked[fresh] = 0;
					event.events = EPOLLIN;
					event.data.fd = fresh;
					epoll_ctl(poll, EPOLL_CTL_ADD, fresh, &event);
				}
			} else if (fd == timer) {
				uint64_t times;
				if (read(timer, &times, sizeof times) < 0) continue;
				for (int nth = listener_count - 1; nth >= 0; nth--) {
					ssize_t sent = send(listeners[nth], sound, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
					if (sent < 0 && errno != EAGAIN) forget(listeners[nth]);
				}
			} else {
				ssize_t got = recv(fd, request, sizeof request, 0);
				if (got == 0 || (got < 0 && errno != EAGAIN)) {
					forget(fd);
				} else if (!has_asked[fd]) {
					has_asked[fd] = 1;
					send(fd, head, sizeof head - 1, MSG_NOSIGNAL);
					listeners[listener_count++] = fd;
				}
			}
		}
	}
}

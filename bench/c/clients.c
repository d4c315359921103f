/*
 * Clients of a public door on this machine, one epoll loop for as many as descriptors allow. Traffic goes to
 * 127.0.0.1 only, from many addresses of 127/8, and ends by itself.
 *
 *   clients MODE --port P --path /x --n COUNT [--ramp S] [--warm S] [--dur S] [--interval MS] [--pid PID]… [--octet N]
 *
 * MODE
 *   push     one long GET each; prints what came, how evenly, and what the processes named by --pid and their
 *            children spent in the window [ramp + warm, ramp + warm + dur]
 *   flood    COUNT connections that ask for --path again as soon as they have the answer
 *   head     a request head that never ends, four bytes every 3 s; cut ones return after 1.5 s
 *   body     a POST whose body never ends, one byte every 3 s; cut ones return after 1.5 s
 *   read     a GET of --path whose answer is read at 32 bytes every 3 s; cut ones return after 1.5 s
 *   connect  a connection that never says a word; with TLS a handshake that never begins; cut ones return after 1.5 s
 *   silent   a GET of --path whose answer is never read; cut ones stay away
 *
 * Prints one line of JSON on standard output.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process.h"

enum { EVENTS_MAX = 512, CONNECTS_PER_TURN = 64, DRIP_US = 3000000, RETURN_US = 1500000 };
enum mode { PUSH, FLOOD, HEAD, BODY, READ, CONNECT, SILENT };
static const char *const MODES[] = {"push", "flood", "head", "body", "read", "connect", "silent"};

struct client {
	int fd;
	enum { NEW, CONNECTING, OPEN, GONE } state;
	int64_t started_us, connected_us, first_us, last_us, due_us, longest_us;
	int64_t bytes;
	uint32_t gaps;
	int address;
};

static enum mode mode;
static int port, count = 1000, interval_ms = 1000, octet = 1, poll_fd;
static double ramp_s = 5, warm_s = 0, window_s = 15;
static const char *path = "/";
static struct client *clients;
static int64_t window_from_us, window_to_us, failed, cut, opened, answers, answers_in_window, bytes_in_window;
static char request[2048], scratch[262144];
static int request_bytes;

static int in_window(int64_t at_us) { return window_from_us && at_us >= window_from_us && !window_to_us; }

static void leave(struct client *client, int64_t at_us, int is_failure) {
	if (is_failure) failed++;
	else cut++;
	close(client->fd);
	client->fd = -1;
	client->state = GONE;
	/* Who attacks returns; who listens is counted as lost. */
	client->due_us = mode >= HEAD && mode <= CONNECT ? at_us + RETURN_US : INT64_MAX;
}

static void dial(struct client *client) {
	client->started_us = client->last_us = now_us();
	client->first_us = client->bytes = 0;
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (client->fd < 0) {
		client->state = GONE;
		client->due_us = client->started_us + RETURN_US;
		failed++;
		return;
	}
	opened++;
	int one = 1;
	struct linger reset = {1, 0};
	setsockopt(client->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	/* As on Ethernet: with the loopback's 64 KB a kernel takes megabytes for each client who does not read. */
	int segment_bytes = 1448, window_bytes = 4096;
	if (mode == READ || mode == SILENT) setsockopt(client->fd, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof segment_bytes);
	/* Whoever wants to be slow says that he has no room. */
	if (mode == READ) setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &window_bytes, sizeof window_bytes);
	int nth = client->address;
	/* Neighbours in time are neighbours in no prefix: 250 hosts in each of up to 65,000 /24. */
	struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
	from.sin_addr.s_addr = htonl(127u << 24 | (uint32_t)octet << 16 | (uint32_t)(nth % 250) << 8 | (uint32_t)(1 + nth / 250 % 250));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(client->fd, (struct sockaddr *)&from, sizeof from);
	client->state = CONNECTING;
	if (connect(client->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) return leave(client, now_us(), 1);
	struct epoll_event event = {.events = EPOLLOUT | EPOLLIN, .data.ptr = client};
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, client->fd, &event);
}

static void ask(struct client *client) {
	if (request_bytes && send(client->fd, request, request_bytes, MSG_NOSIGNAL) != request_bytes) leave(client, now_us(), 1);
}

static void connected(struct client *client) {
	int error = 0;
	socklen_t size = sizeof error;
	getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	int64_t at_us = now_us();
	if (error) return leave(client, at_us, 1);
	client->state = OPEN;
	client->connected_us = at_us;
	client->due_us = at_us + DRIP_US;
	/* Who does not read must still learn that it was cut. */
	struct epoll_event event = {.events = mode == READ || mode == SILENT ? EPOLLRDHUP : EPOLLIN, .data.ptr = client};
	epoll_ctl(poll_fd, EPOLL_CTL_MOD, client->fd, &event);
	ask(client);
}

static void arrived(struct client *client) {
	for (;;) {
		/* MSG_TRUNC throws the bytes away in the kernel: a listener costs its server's half only. */
		ssize_t got = recv(client->fd, scratch, sizeof scratch - 1, mode == PUSH && client->bytes > 400 ? MSG_TRUNC : 0);
		int64_t at_us = now_us();
		if (got < 0 && errno == EAGAIN) return;
		if (got <= 0) return leave(client, at_us, 0);
		if (!client->first_us) client->first_us = at_us;
		client->bytes += got;
		if (in_window(at_us)) bytes_in_window += got;
		if (mode == FLOOD) {
			answers++;
			if (in_window(at_us)) answers_in_window++;
			ask(client);
			return;
		}
		if (in_window(at_us)) {
			int64_t gap_us = at_us - client->last_us;
			if (gap_us > 2000LL * interval_ms) client->gaps++;
			if (gap_us > client->longest_us) client->longest_us = gap_us;
		}
		client->last_us = at_us;
		if (got < (ssize_t)sizeof scratch - 1) return;
	}
}

/* What a slow client does every 3 s, and the return of one that was cut. */
static void drip(struct client *client, int64_t at_us) {
	if (client->state == GONE) return dial(client);
	client->due_us = at_us + DRIP_US;
	ssize_t done = 1;
	if (mode == HEAD) done = send(client->fd, "X-a:", 4, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (mode == BODY) done = send(client->fd, "a", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (mode == READ) done = recv(client->fd, scratch, 32, MSG_DONTWAIT);
	if (done == 0 || (done < 0 && errno != EAGAIN)) leave(client, at_us, 0);
}

static int by_size(const void *a, const void *b) {
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2) return 2;
	for (mode = PUSH; mode <= SILENT && strcmp(argv[1], MODES[mode]); mode++);
	if (mode > SILENT) return 2;
	for (int at = 2; at + 1 < argc; at += 2) {
		const char *name = argv[at], *value = argv[at + 1];
		if (!strcmp(name, "--port")) port = atoi(value);
		else if (!strcmp(name, "--path")) path = value;
		else if (!strcmp(name, "--n")) count = atoi(value);
		else if (!strcmp(name, "--ramp")) ramp_s = atof(value);
		else if (!strcmp(name, "--warm")) warm_s = atof(value);
		else if (!strcmp(name, "--dur")) window_s = atof(value);
		else if (!strcmp(name, "--interval")) interval_ms = atoi(value);
		else if (!strcmp(name, "--octet")) octet = atoi(value);
		else if (!strcmp(name, "--pid") && pid_count < PIDS_MAX) pids[pid_count++] = atoi(value);
		else return 2;
	}
	static const char *const heads[] = {
		"GET %s HTTP/1.1\r\nHost: a\r\n\r\n", "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", "GET %s HTTP/1.1\r\nHost: a\r\n",
		"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 8192\r\n\r\n", "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", "",
		"GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
	};
	request_bytes = snprintf(request, sizeof request, heads[mode], path);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	clients = calloc(count, sizeof *clients);
	for (int at = 0; at < count; at++) {
		clients[at].fd = -1;
		clients[at].address = at;
		clients[at].due_us = INT64_MAX;
	}
	poll_fd = epoll_create1(0);

	uint64_t cpu_before, cpu_after, kb_before, kb_after;
	sample(&cpu_before, &kb_before);
	int64_t begin_us = now_us(), ramp_us = ramp_s * 1e6, from_us = begin_us + ramp_us + warm_s * 1e6, end_us = from_us + window_s * 1e6;
	int next = 0;
	int64_t looked_us = begin_us;
	struct epoll_event events[EVENTS_MAX];
	for (;;) {
		int64_t at_us = now_us();
		if (at_us >= end_us) break;
		if (!window_from_us && at_us >= from_us) {
			uint64_t ignored;
			sample(&cpu_before, &ignored);
			window_from_us = now_us();
		}
		for (int turn = 0; turn < CONNECTS_PER_TURN && next < count && at_us >= begin_us + (int64_t)((double)ramp_us * next / count); turn++)
			dial(&clients[next++]);
		if (mode >= HEAD && mode <= CONNECT && at_us - looked_us > 20000) {
			looked_us = at_us;
			for (int at = 0; at < next; at++)
				if ((clients[at].state == OPEN || clients[at].state == GONE) && clients[at].due_us <= at_us) drip(&clients[at], at_us);
		}
		/* Turns without waiting while the next connection is due within a millisecond. */
		int is_due = next < count && now_us() + 1000 >= begin_us + (int64_t)((double)ramp_us * next / count);
		int ready = epoll_wait(poll_fd, events, EVENTS_MAX, is_due ? 0 : next < count ? 1 : mode == PUSH ? 20 : 5);
		for (int at = 0; at < ready; at++) {
			struct client *client = events[at].data.ptr;
			if (client->state == CONNECTING) connected(client);
			else if (client->state != OPEN) continue;
			else if (mode == READ || mode == SILENT) leave(client, now_us(), 0);
			else arrived(client);
		}
	}
	window_to_us = now_us();
	sample(&cpu_after, &kb_after);

	double window = (window_to_us - window_from_us) / 1e6;
	int64_t *firsts = malloc(count * sizeof *firsts), longest_us = 0;
	int first_count = 0, active = 0;
	uint64_t gaps = 0;
	for (int at = 0; at < count; at++) {
		struct client *client = &clients[at];
		if (client->state == OPEN) {
			active++;
			int64_t open_gap_us = window_to_us - client->last_us;
			if (mode == PUSH && open_gap_us > 2000LL * interval_ms) client->gaps++;
			if (mode == PUSH && open_gap_us > client->longest_us) client->longest_us = open_gap_us;
		}
		gaps += client->gaps;
		if (client->longest_us > longest_us) longest_us = client->longest_us;
		if (client->first_us) firsts[first_count++] = client->first_us - client->started_us;
	}
	qsort(firsts, first_count, sizeof *firsts, by_size);
#define FIRST_MS(share) (first_count ? firsts[(int)((first_count - 1) * share)] / 1e3 : -1)
	double us_per_ls = active ? (cpu_after - cpu_before) / 1e3 / window / active : 0;
	printf("{\"active\":%d,\"opened\":%ld,\"failed\":%ld,\"cut\":%ld,\"us_per_ls\":%.3f,\"cpu_core\":%.4f,\"kb_per_l\":%.3f,"
	       "\"Bps_per_l\":%.0f,\"stalls\":%lu,\"max_gap_ms\":%.0f,\"ttfb_ms\":[%.1f,%.1f,%.1f],\"answers_per_s\":%.0f}\n",
	       active, (long)opened, (long)failed, (long)cut, us_per_ls, (cpu_after - cpu_before) / 1e9 / window,
	       ((double)kb_after - (double)kb_before) / count, active ? bytes_in_window / window / active : 0, (unsigned long)gaps,
	       longest_us / 1e3, FIRST_MS(.5), FIRST_MS(.99), FIRST_MS(1), answers_in_window / window);
	return 0;
}

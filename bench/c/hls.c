/*
 * Players of HLS on this machine, one epoll loop. Each has one connection and asks for one thing at a time. Traffic
 * goes to 127.0.0.1 only, from many addresses of 127/8, and ends by itself.
 *
 *   hls MODE --port P --list /x.m3u8 --media /y/ --n COUNT [--ramp S] [--warm S] [--dur S] [--interval MS] [--pid PID]… [--octet N]
 *
 * MODE
 *   block  a blocking reload for the part after the newest, then that part, and so on
 *   poll   every --interval ms the playlist, then the newest part it lists
 *   whole  every --interval ms the playlist, then the newest segment it lists
 *
 * A part is at MEDIA "p" NUMBER ".m4s", a segment at MEDIA NUMBER ".m4s". Prints one line of JSON: names and meaning as
 * in clients.c.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process.h"

enum { EVENTS_MAX = 512, CONNECTS_PER_TURN = 64, HELD_MAX = 32768 };
enum mode { BLOCK, POLL, WHOLE };
static const char *const MODES[] = {"block", "poll", "whole"};

struct player {
	int fd;
	enum { NEW, CONNECTING, IDLE, LIST, MEDIA, GONE } state;
	int64_t due_us, last_us, longest_us;
	/* Bytes of the answer that are to come; -1 while its head is incomplete. */
	long left;
	long sequence, part, heard;
	uint32_t gaps;
	int held_bytes;
	char *held;
};

static enum mode mode;
static int port, count = 1000, interval_ms = 320, octet = 1, poll_fd;
static double ramp_s = 2, warm_s = 2, window_s = 15;
static const char *list = "/", *media = "/";
static struct player *players;
static int64_t window_from_us, window_to_us, failed, cut, bad, answers, bytes_in_window, media_in_window;

static int in_window(int64_t at_us) { return window_from_us && at_us >= window_from_us && !window_to_us; }

/* Who asks in the rhythm of what he asks for may come just too early once: two intervals, give or take, are no gap then. */
static int64_t gap_us_max(void) { return (mode == BLOCK ? 2000LL : 2500LL) * interval_ms; }

static void leave(struct player *player, int is_failure) {
	if (is_failure) failed++;
	else cut++;
	close(player->fd);
	player->fd = -1;
	player->state = GONE;
}

static void ask(struct player *player, int state, const char *target) {
	char request[512];
	int bytes = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n", target);
	player->state = state;
	player->left = -1;
	player->held_bytes = 0;
	if (send(player->fd, request, bytes, MSG_NOSIGNAL) != bytes) leave(player, 1);
}

static void ask_list(struct player *player) {
	char target[256];
	if (mode == BLOCK && player->sequence >= 0)
		snprintf(target, sizeof target, "%s?_HLS_msn=%ld&_HLS_part=%ld", list, player->sequence, player->part + 1);
	else snprintf(target, sizeof target, "%s", list);
	ask(player, LIST, target);
}

static void ask_media(struct player *player, long number) {
	char target[256];
	snprintf(target, sizeof target, "%s%s%ld.m4s", media, mode == WHOLE ? "" : "p", number);
	ask(player, MEDIA, target);
}

static void dial(struct player *player, int nth) {
	player->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (player->fd < 0) {
		failed++;
		player->state = GONE;
		return;
	}
	int one = 1;
	struct linger reset = {1, 0};
	setsockopt(player->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	setsockopt(player->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(player->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
	from.sin_addr.s_addr = htonl(127u << 24 | (uint32_t)octet << 16 | (uint32_t)(nth % 250) << 8 | (uint32_t)(1 + nth / 250 % 250));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(player->fd, (struct sockaddr *)&from, sizeof from);
	player->state = CONNECTING;
	if (connect(player->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) return leave(player, 1);
	struct epoll_event event = {.events = EPOLLOUT | EPOLLIN, .data.ptr = player};
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, player->fd, &event);
}

/* The number in the last line that begins with `mark` before `end`: what stands after its last slash. */
static long newest(const char *text, const char *mark, const char *end) {
	long number = -1;
	for (const char *at = text; (at = strstr(at, mark)) && at < end; at++) {
		const char *stop = strpbrk(at + 1, "\n");
		const char *name = stop ? memrchr(at, '/', stop - at) : NULL;
		if (name) number = atol(name[1] == 'p' ? name + 2 : name + 1);
	}
	return number;
}

/* A whole answer has come. */
static void answered(struct player *player, int64_t at_us) {
	answers++;
	if (player->state == MEDIA) {
		if (in_window(at_us)) {
			media_in_window++;
			int64_t gap_us = at_us - player->last_us;
			if (gap_us > gap_us_max()) player->gaps++;
			if (gap_us > player->longest_us) player->longest_us = gap_us;
		}
		player->last_us = at_us;
		if (mode == BLOCK) return ask_list(player);
		player->state = IDLE;
		return;
	}
	player->held[player->held_bytes] = 0;
	const char *end = player->held + player->held_bytes, *hint = strstr(player->held, "#EXT-X-PRELOAD-HINT");
	const char *report = strstr(player->held, "LAST-MSN=");
	if (report) sscanf(report, "LAST-MSN=%ld,LAST-PART=%ld", &player->sequence, &player->part);
	long number = mode == WHOLE ? newest(player->held, "\n../", end) : newest(player->held, "#EXT-X-PART:", hint ? hint : end);
	/* Who polls may find what it has; who waits never does. */
	if (number == player->heard && mode != BLOCK) {
		player->state = IDLE;
		return;
	}
	if (number < 0) {
		bad++;
		player->state = IDLE;
		player->due_us = at_us + 1000LL * interval_ms;
		return;
	}
	player->heard = number;
	ask_media(player, number);
}

static void arrived(struct player *player) {
	static char scratch[65536];
	for (;;) {
		ssize_t got = recv(player->fd, scratch, sizeof scratch, 0);
		int64_t at_us = now_us();
		if (got < 0 && errno == EAGAIN) return;
		if (got <= 0) return leave(player, 0);
		if (in_window(at_us)) bytes_in_window += got;
		char *from = scratch;
		if (player->left < 0) {
			/* Heads are shorter than what one write brings. */
			scratch[got < (ssize_t)sizeof scratch ? got : (ssize_t)sizeof scratch - 1] = 0;
			char *body = strstr(scratch, "\r\n\r\n"), *length = strcasestr(scratch, "content-length:");
			if (!body || !length || length > body || memcmp(scratch + 9, "200", 3)) {
				bad++;
				return leave(player, 1);
			}
			player->left = atol(length + 15);
			from = body + 4;
		}
		long bytes = got - (from - scratch);
		if (player->state == LIST && player->held_bytes + bytes < HELD_MAX) {
			memcpy(player->held + player->held_bytes, from, bytes);
			player->held_bytes += bytes;
		}
		player->left -= bytes;
		if (player->left == 0) answered(player, at_us);
		if (player->fd < 0) return;
	}
}

int main(int argc, char **argv) {
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) return 2;
	for (mode = BLOCK; mode <= WHOLE && strcmp(argv[1], MODES[mode]); mode++);
	if (mode > WHOLE) return 2;
	for (int at = 2; at + 1 < argc; at += 2) {
		const char *name = argv[at], *value = argv[at + 1];
		if (!strcmp(name, "--port")) port = atoi(value);
		else if (!strcmp(name, "--list")) list = value;
		else if (!strcmp(name, "--media")) media = value;
		else if (!strcmp(name, "--n")) count = atoi(value);
		else if (!strcmp(name, "--ramp")) ramp_s = atof(value);
		else if (!strcmp(name, "--warm")) warm_s = atof(value);
		else if (!strcmp(name, "--dur")) window_s = atof(value);
		else if (!strcmp(name, "--interval")) interval_ms = atoi(value);
		else if (!strcmp(name, "--octet")) octet = atoi(value);
		else if (!strcmp(name, "--pid") && pid_count < PIDS_MAX) pids[pid_count++] = atoi(value);
		else return 2;
	}
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	players = calloc(count, sizeof *players);
	for (int at = 0; at < count; at++) {
		players[at].fd = -1;
		players[at].sequence = players[at].heard = -1;
		players[at].held = malloc(HELD_MAX);
	}
	poll_fd = epoll_create1(0);

	uint64_t cpu_before, cpu_after, kb_before, kb_after;
	sample(&cpu_before, &kb_before);
	int64_t begin_us = now_us(), ramp_us = ramp_s * 1e6, from_us = begin_us + ramp_us + warm_s * 1e6, end_us = from_us + window_s * 1e6;
	/* Polls are spread evenly over the interval, whenever their players came. */
	int next = 0, turn = 0;
	int64_t polled = 0;
	struct epoll_event events[EVENTS_MAX];
	for (;;) {
		int64_t at_us = now_us();
		if (at_us >= end_us) break;
		if (!window_from_us && at_us >= from_us) {
			uint64_t ignored;
			sample(&cpu_before, &ignored);
			window_from_us = now_us();
		}
		for (turn = 0; turn < CONNECTS_PER_TURN && next < count && at_us >= begin_us + (int64_t)((double)ramp_us * next / count); turn++) {
			dial(&players[next], next);
			next++;
		}
		if (mode != BLOCK)
			for (; at_us >= begin_us + (int64_t)((double)polled * interval_ms * 1000 / count); polled++) {
				struct player *player = &players[polled % count];
				if (player->state == IDLE) ask_list(player);
			}
		int ready = epoll_wait(poll_fd, events, EVENTS_MAX, 1);
		for (int at = 0; at < ready; at++) {
			struct player *player = events[at].data.ptr;
			if (player->state == CONNECTING) {
				int error = 0;
				socklen_t size = sizeof error;
				getsockopt(player->fd, SOL_SOCKET, SO_ERROR, &error, &size);
				if (error) {
					leave(player, 1);
					continue;
				}
				struct epoll_event event = {.events = EPOLLIN, .data.ptr = player};
				epoll_ctl(poll_fd, EPOLL_CTL_MOD, player->fd, &event);
				player->last_us = now_us();
				player->state = IDLE;
				if (mode == BLOCK) ask_list(player);
			} else if (player->state == LIST || player->state == MEDIA) arrived(player);
			else if (player->state == IDLE) leave(player, 0);
		}
	}
	window_to_us = now_us();
	sample(&cpu_after, &kb_after);

	double window = (window_to_us - window_from_us) / 1e6;
	int active = 0;
	int64_t longest_us = 0;
	uint64_t gaps = 0;
	for (int at = 0; at < count; at++) {
		struct player *player = &players[at];
		if (player->state != GONE && player->state != NEW) {
			active++;
			int64_t open_gap_us = window_to_us - player->last_us;
			if (open_gap_us > gap_us_max()) player->gaps++;
			if (open_gap_us > player->longest_us) player->longest_us = open_gap_us;
		}
		gaps += player->gaps;
		if (player->longest_us > longest_us) longest_us = player->longest_us;
	}
	double us_per_ls = active ? (cpu_after - cpu_before) / 1e3 / window / active : 0;
	printf("{\"active\":%d,\"failed\":%ld,\"cut\":%ld,\"bad\":%ld,\"us_per_ls\":%.3f,\"cpu_core\":%.4f,\"kb_per_l\":%.3f,"
	       "\"Bps_per_l\":%.0f,\"media_per_ls\":%.3f,\"stalls\":%lu,\"max_gap_ms\":%.0f}\n",
	       active, (long)failed, (long)cut, (long)bad, us_per_ls, (cpu_after - cpu_before) / 1e9 / window,
	       ((double)kb_after - (double)kb_before) / count, active ? bytes_in_window / window / active : 0,
	       active ? media_in_window / window / active : 0, (unsigned long)gaps, longest_us / 1e3);
	return 0;
}

/* The clock, and what processes cost. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { PIDS_MAX = 16 };
static int pids[PIDS_MAX], pid_count;

static int64_t now_us(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* CPU time and memory (proportional set size) of a process and its children. */
static void add_process(int pid, uint64_t *cpu_ns, uint64_t *kilobytes) {
	char name[300], line[512];
	snprintf(name, sizeof name, "/proc/%d/task", pid);
	DIR *tasks = opendir(name);
	if (!tasks) return;
	for (struct dirent *task; (task = readdir(tasks));) {
		if (task->d_name[0] == '.') continue;
		unsigned long long ns;
		snprintf(name, sizeof name, "/proc/%d/task/%.20s/schedstat", pid, task->d_name);
		FILE *file = fopen(name, "r");
		if (file) {
			if (fscanf(file, "%llu", &ns) == 1) *cpu_ns += ns;
			fclose(file);
		}
		snprintf(name, sizeof name, "/proc/%d/task/%.20s/children", pid, task->d_name);
		file = fopen(name, "r");
		if (file) {
			for (int child; fscanf(file, "%d", &child) == 1;) add_process(child, cpu_ns, kilobytes);
			fclose(file);
		}
	}
	closedir(tasks);
	snprintf(name, sizeof name, "/proc/%d/smaps_rollup", pid);
	FILE *file = fopen(name, "r");
	if (!file) return;
	unsigned long long pss;
	while (fgets(line, sizeof line, file))
		if (sscanf(line, "Pss: %llu", &pss) == 1) {
			*kilobytes += pss;
			break;
		}
	fclose(file);
}

static void sample(uint64_t *cpu_ns, uint64_t *kilobytes) {
	*cpu_ns = *kilobytes = 0;
	for (int at = 0; at < pid_count; at++) add_process(pids[at], cpu_ns, kilobytes);
}

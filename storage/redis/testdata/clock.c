// Adds the microseconds in the file CLOCK_OFFSET to the wall clock of the program into which this is loaded.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;

__attribute__((constructor)) static void load(void) {
	const char *path = getenv("CLOCK_OFFSET");
	int file = path ? open(path, O_RDONLY) : -1;
	if (file < 0) abort();
	void *page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
	if (page == MAP_FAILED) abort();
	offset = page;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
	struct timespec now;
	(void)zone;
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
	int64_t us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + (offset ? *offset : 0);
	tv->tv_sec = us / 1000000;
	tv->tv_usec = us % 1000000;
	return 0;
}

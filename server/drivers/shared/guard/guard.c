/*
 * The first process of a debug container: it starts the shell, reaps what the shell orphans, and ends all of it. A few
 * hundred bytes that need no libc, no writable memory and no file beside them. `build-if-stale.ts` compiles it.
 *
 *   guard SECONDS DEADMAN ORDER CLAIM PROGRAM ARGUMENT...
 *
 *   SECONDS  after which everything ends, by the clock that goes on while the machine sleeps.
 *   DEADMAN  where not 0: a guard that was stopped for this many seconds ends. The kernel's timer kills it then.
 *   ORDER    where not 0: rows * 65536 + columns of the terminal (descriptor 0) that order the end. The program begins once the
 *            terminal has a size; one has to come within CLAIM seconds.
 *   CLAIM    where not 0, and ORDER is: orders come as lines on descriptor 3. The first has to be `begin` and to come within so many
 *            seconds; any other, and the end of the input, ends everything.
 *
 * It ends with the program's own exit code or 128 and its signal's number; with 137 when it ended the program; before there
 * is a program with 96 when that was ordered and with 97 when nobody claimed it. Without enough arguments it does nothing and
 * ends with 0, by which one sees that it can be executed.
 */

#if defined(__x86_64__)
enum { READ = 0, CLOSE = 3, PROCMASK = 14, IOCTL = 16, CLONE = 56, EXECVE = 59, WAIT4 = 61, KILL = 62, PRCTL = 157,
  TIMER_CREATE = 222, TIMER_SETTIME = 223, CLOCK_GETTIME = 228, EXIT_GROUP = 231, OPENAT = 257, UNLINKAT = 263, PPOLL = 271,
  SIGNALFD4 = 289 };
static inline long call(long number, long a, long b, long c, long d, long e) {
  long answer;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "=a"(answer) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return answer;
}
__asm__(".section .text.start\n.globl _start\n_start: mov %rsp,%rdi\nand $-16,%rsp\ncall guard\n");
#elif defined(__aarch64__)
enum { IOCTL = 29, UNLINKAT = 35, OPENAT = 56, CLOSE = 57, READ = 63, PPOLL = 73, SIGNALFD4 = 74, EXIT_GROUP = 94,
  TIMER_CREATE = 107, TIMER_SETTIME = 110, CLOCK_GETTIME = 113, KILL = 129, PROCMASK = 135, PRCTL = 167, CLONE = 220,
  EXECVE = 221, WAIT4 = 260 };
static inline long call(long number, long a, long b, long c, long d, long e) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}
__asm__(".section .text.start\n.globl _start\n_start: mov x0,sp\nb guard\n");
#endif

#define sys(number, a, b, c, d, e) call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

enum { SIGNAL_HUP = 1, SIGNAL_KILL = 9, SIGNAL_TERM = 15, SIGNAL_CHILD = 17, SIGNAL_CONT = 18 };
enum { MONOTONIC = 1, BOOTTIME = 7 };
enum { CONTROL = 3, AT_FDCWD = -100 };
enum { EXIT_ORDERED = 96, EXIT_UNCLAIMED = 97, EXIT_KILLED = 128 + SIGNAL_KILL };

struct timespec { long seconds, nanoseconds; };
struct timer_spec { struct timespec interval, value; };
struct event { long value; int signal, notify; char rest[48]; };
struct pollfd { int fd; short events, revents; };

static long number(const char *text) {
  long value = 0;
  while (*text >= '0' && *text <= '9') value = value * 10 + (*text++ - '0');
  return value;
}

static long seconds_of(int clock) {
  struct timespec now;
  sys(CLOCK_GETTIME, clock, &now, 0, 0, 0);
  return now.seconds;
}

static __attribute__((noreturn)) void end(long code) {
  for (;;) sys(EXIT_GROUP, code, 0, 0, 0, 0);
}

/* A timer of the kernel's own, which kills this process even while it is stopped. */
static int lethal_timer(int clock) {
  struct event event;
  int timer = -1;
  event.value = 0;
  event.signal = SIGNAL_KILL;
  event.notify = 0;
  sys(TIMER_CREATE, clock, &event, &timer, 0, 0);
  return timer;
}

static void arm(int timer, long seconds) {
  struct timer_spec spec;
  spec.interval.seconds = spec.interval.nanoseconds = spec.value.nanoseconds = 0;
  spec.value.seconds = seconds;
  sys(TIMER_SETTIME, timer, 0, &spec, 0, 0);
}

static void pause_for(long milliseconds) {
  struct timespec time;
  time.seconds = 0;
  time.nanoseconds = milliseconds * 1000000;
  sys(PPOLL, 0, 0, &time, 0, 8);
}

/* Kills and reaps all that is below: what lost its parent is a child by now, being the subreaper's. */
static void end_all(long child) {
  char list[4096];
  for (int round = 0; round < 400; round++) {
    long reaped, file = sys(OPENAT, AT_FDCWD, "/proc/thread-self/children", 0, 0, 0);
    if (file >= 0) {
      long length = sys(READ, file, list, sizeof list - 1, 0, 0), process = 0;
      sys(CLOSE, file, 0, 0, 0, 0);
      for (long at = 0; at < length; at++) {
        if (list[at] != ' ') process = process * 10 + (list[at] - '0');
        else {
          if (process > 1) sys(KILL, process, SIGNAL_KILL, 0, 0, 0);
          process = 0;
        }
      }
    } else if (child > 1) sys(KILL, child, SIGNAL_KILL, 0, 0, 0);
    do {
      reaped = sys(WAIT4, -1, 0, 1, 0, 0);
      if (reaped == child) child = 0;
    } while (reaped > 0);
    if (reaped < 0) return;
    pause_for(5);
  }
}

/* What `ps` shows of this process: its name, and not the texts that it was started with. */
static void rename_to(const char *name, char **argv, long argc) {
  char *at = argv[0], *last = argv[argc - 1];
  while (*last) last++;
  for (; at < last; at++) *at = *name ? *name++ : 0;
}

static long size_of_terminal(void) {
  unsigned short size[4];
  return sys(IOCTL, 0, 0x5413 /* TIOCGWINSZ */, size, 0, 0) ? 0 : size[0] * 65536 + size[1];
}

/* Waits until somebody gives the terminal a size; ends when nobody does, or when it is the order to end. */
static void wait_for_size(long order, long until) {
  long size;
  while (!(size = size_of_terminal())) {
    if (seconds_of(MONOTONIC) > until) end(EXIT_UNCLAIMED);
    pause_for(20);
  }
  if (size == order) end(EXIT_ORDERED);
}

/* Waits until somebody claims the command; ends when nobody does, or when it is told to end. */
static void wait_for_claim(int signals, long until) {
  long at = 0, begins = 0;
  for (;;) {
    struct pollfd files[2];
    struct timespec patience;
    char byte;
    patience.seconds = until - seconds_of(MONOTONIC);
    patience.nanoseconds = 0;
    if (patience.seconds < 0) end(EXIT_UNCLAIMED);
    files[0].fd = CONTROL;
    files[1].fd = signals;
    files[0].events = files[1].events = 1;
    files[0].revents = files[1].revents = 0;
    sys(PPOLL, files, 2, &patience, 0, 8);
    if (files[1].revents) end(EXIT_UNCLAIMED);
    if (!files[0].revents) continue;
    if (sys(READ, CONTROL, &byte, 1, 0, 0) != 1) end(EXIT_UNCLAIMED);
    if (byte == '\n') {
      if (begins) return;
      end(EXIT_ORDERED);
    }
    if (at++ == 0) begins = byte == 'b';
  }
}

static long start(char **program, char **environment, const long *signals) {
  long child = sys(CLONE, SIGNAL_CHILD, 0, 0, 0, 0);
  if (child) return child;
  sys(PRCTL, 1 /* PR_SET_PDEATHSIG */, SIGNAL_KILL, 0, 0, 0);
  sys(CLOSE, CONTROL, 0, 0, 0, 0);
  sys(PROCMASK, 2 /* SIG_SETMASK */, signals, 0, 8, 0);
  sys(EXECVE, program[0], program, environment, 0, 0);
  end(127);
}

/* True when a signal asks for the end. Those of the keyboard are for the program alone. */
static int asked_by_signal(int signals) {
  int asked = 0;
  unsigned int info[32];
  while (sys(READ, signals, info, sizeof info, 0, 0) == sizeof info)
    if (info[0] == SIGNAL_TERM || info[0] == SIGNAL_HUP) asked = 1;
  return asked;
}

/* Reaps. True when the program has ended, with its code. */
static int has_ended(long child, long *code) {
  for (;;) {
    int status = 0;
    long process = sys(WAIT4, -1, &status, 3 /* WNOHANG | WUNTRACED */, 0, 0);
    if (process <= 0) return 0;
    if ((status & 0xff) == 0x7f) {
      /* As the first process it could not be stopped from the keyboard, and nobody would let it go on. */
      if (process == child) {
        sys(KILL, -child, SIGNAL_CONT, 0, 0, 0);
        sys(KILL, child, SIGNAL_CONT, 0, 0, 0);
      }
    } else if (process == child) {
      *code = (status & 0x7f) ? 128 + (status & 0x7f) : (status >> 8) & 0xff;
      return 1;
    }
  }
}

__attribute__((noreturn, used)) void guard(long *stack) {
  long argc = stack[0];
  char **argv = (char **)(stack + 1);
  if (argc < 6) end(0);
  long life = number(argv[1]), deadman = number(argv[2]), order = number(argv[3]), claim = number(argv[4]);
  long all = -1, before = 0, code = EXIT_KILLED;
  sys(UNLINKAT, AT_FDCWD, argv[0], 0, 0, 0);
  sys(PRCTL, 15 /* PR_SET_NAME */, "hatchway", 0, 0, 0);
  sys(PRCTL, 4 /* PR_SET_DUMPABLE */, 0, 0, 0, 0);
  sys(PRCTL, 36 /* PR_SET_CHILD_SUBREAPER */, 1, 0, 0, 0);
  sys(PROCMASK, 0 /* SIG_BLOCK */, &all, &before, 8, 0);
  int signals = sys(SIGNALFD4, -1, &all, 8, 02004000 /* SFD_CLOEXEC | SFD_NONBLOCK */, 0);
  long deadline = seconds_of(BOOTTIME) + life;
  arm(lethal_timer(BOOTTIME), life + 5);
  int dead = lethal_timer(MONOTONIC);
  if (order) wait_for_size(order, seconds_of(MONOTONIC) + claim);
  else if (claim) wait_for_claim(signals, seconds_of(MONOTONIC) + claim);
  long child = start(argv + 5, argv + argc + 1, &before);
  if (child < 0) end(126);
  rename_to("hatchway", argv, argc);
  /* Descriptors 1 and 2 stay open: where they end before the container does, a runtime ends the input, which is an order. */
  for (;;) {
    struct pollfd files[2];
    struct timespec patience;
    long left = deadline - seconds_of(BOOTTIME);
    if (has_ended(child, &code) || left <= 0 || (order && size_of_terminal() == order)) break;
    if (deadman) arm(dead, deadman);
    files[0].fd = signals;
    files[1].fd = claim && !order ? CONTROL : -1;
    files[0].events = files[1].events = 1;
    files[0].revents = files[1].revents = 0;
    patience.seconds = order || deadman ? 0 : left;
    patience.nanoseconds = order || deadman ? 200000000 : 0;
    sys(PPOLL, files, 2, &patience, 0, 8);
    if (files[1].revents || asked_by_signal(signals)) break;
  }
  if (deadman) arm(dead, deadman);
  end_all(child);
  end(code);
}

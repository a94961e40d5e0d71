/*
 * A service that is never the bottleneck: answers normal_push_loss and normal_push_statistics
 * over HTTP/1.1 after a fixed latency, from one thread, for tests/bench/scale and hostile.
 *
 *     gcc -O2 -Wall -Wextra -o upstream upstream.c && ./upstream [LATENCY_MS]
 *
 * Prints its URL, and a line of figures on SIGUSR1, which starts the maxima again, and on
 * SIGTERM, which ends it. Checks no signature. Each count is R(EndTime) - R(StartTime) of a
 * rising function R of time, so that adjacent ranges add up, as the exporter demands, and
 * successive windows differ, as real ones do. 10 loss rows and 2 platforms make 44 data
 * series of a target: window and counter of each row, and of 4 counts overall and by platform.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A request with its UserSig is below 1 kB. */
#define MAX_REQUEST 4096
#define MAX_CONNECTIONS 60000
#define MAX_BODY 4096
#define EVENTS 512

enum { LISTENER = -1, SIGNALS = -2 };

struct connection {
    int open, gone;
    int filled;
    /* An answer is due for `in[..length]`; what follows waits for its turn. */
    int length;
    char in[MAX_REQUEST];
};

/* The latency is the same for all, so whoever asked first is answered first. */
struct due {
    int64_t at;
    int fd;
};

static struct connection *connections[MAX_CONNECTIONS];
static struct due queue[MAX_CONNECTIONS];
static unsigned queue_head, queued;
static int64_t latency;

static uint64_t calls, peak_second, calls_in_second, refused;
static int64_t second;
static unsigned in_flight_most, connected, connected_most;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Pushes up to `at`: a straight line with a ripple, that never falls. */
static uint64_t pushes(uint64_t at, unsigned kind)
{
    uint64_t period = 4001 + 97 * kind, phase = at % period;
    uint64_t ripple = phase < period / 2 ? phase : period - phase;
    return at * (1 + kind % 7) + ripple;
}

static char *text(char *to, const char *from)
{
    size_t length = strlen(from);
    memcpy(to, from, length);
    return to + length;
}

static char *number(char *to, uint64_t value)
{
    char digits[20];
    int n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n)
        *to++ = digits[--n];
    return to;
}

static char *count(char *to, const char *name, unsigned kind, uint64_t start, uint64_t end)
{
    return number(text(to, name), pushes(end, kind) - pushes(start, kind));
}

static char *funnel(char *to, unsigned kind, uint64_t start, uint64_t end)
{
    to = count(to, "\"TotalCount\":", kind + 3, start, end);
    to = count(to, ",\"SentCount\":", kind + 2, start, end);
    to = count(to, ",\"DeliveredCount\":", kind + 1, start, end);
    return count(to, ",\"ClickCount\":", kind, start, end);
}

static const struct {
    const char *list, *head, *info;
} ROWS[] = {
    {"\"ReadyToSendLoss\":[", "{\"ErrCode\":\"-1\",\"ErrCount\":", "certificate id not set"},
    {"", ",{\"ErrCode\":\"-2\",\"ErrCount\":", "token not uploaded"},
    {"],\"PostSendDeliveredLoss\":[", "{\"ErrCode\":\"1\",\"ErrCount\":", "regid_invalid"},
    {"", ",{\"ErrCode\":\"410\",\"ErrCount\":", "Unregistered"},
    {"],\"PlatformReadyToSendLoss\":[", "{\"PushPlatform\":1,\"ErrCode\":\"-1\",\"ErrCount\":", "certificate id not set"},
    {"", ",{\"PushPlatform\":2,\"ErrCode\":\"-1\",\"ErrCount\":", "certificate id not set"},
    {"", ",{\"PushPlatform\":2,\"ErrCode\":\"-2\",\"ErrCount\":", "token not uploaded"},
    {"],\"PlatformPostSendDeliveredLoss\":[", "{\"PushPlatform\":1,\"ErrCode\":\"410\",\"ErrCount\":", "Unregistered"},
    {"", ",{\"PushPlatform\":2,\"ErrCode\":\"1\",\"ErrCount\":", "regid_invalid"},
    {"", ",{\"PushPlatform\":2,\"ErrCode\":\"410\",\"ErrCount\":", "Unregistered"},
};

static char *body(char *to, int losses, uint64_t start, uint64_t end)
{
    to = text(to, "{\"ActionStatus\":\"OK\",\"ErrorCode\":0,\"ErrorInfo\":\"sucess\",");
    if (losses) {
        for (unsigned row = 0; row < sizeof ROWS / sizeof *ROWS; row++) {
            to = text(to, ROWS[row].list);
            to = count(to, ROWS[row].head, row, start, end);
            to = text(text(text(to, ",\"ErrInfo\":\""), ROWS[row].info), "\"}");
        }
        return text(to, "]}");
    }
    to = funnel(to, 10, start, end);
    to = funnel(text(to, ",\"PlatformStatistics\":[{\"PushPlatform\":1,"), 20, start, end);
    to = funnel(text(to, "},{\"PushPlatform\":2,"), 30, start, end);
    return text(to, "}]}");
}

static const char *date(void)
{
    static char line[64];
    static time_t of;
    time_t at = time(NULL);
    if (at != of) {
        struct tm parts;
        strftime(line, sizeof line, "\r\nDate: %a, %d %b %Y %H:%M:%S GMT\r\n\r\n", gmtime_r(&at, &parts));
        of = at;
    }
    return line;
}

static void end(int fd)
{
    connections[fd]->open = 0;
    connected--;
    close(fd);
}

static uint64_t field(const char *request, const char *name)
{
    const char *at = strstr(request, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* Puts a whole request into the queue; waits for more of half a one. */
static void look(int fd)
{
    struct connection *c = connections[fd];
    c->in[c->filled] = 0;
    char *head_end = strstr(c->in, "\r\n\r\n");
    if (!head_end)
        return;
    const char *length = strcasestr(c->in, "\r\nContent-Length:");
    int body_length = length && length < head_end ? atoi(length + 17) : 0;
    int whole = (int)(head_end + 4 - c->in) + body_length;
    if (body_length < 0 || whole >= MAX_REQUEST) {
        refused++;
        end(fd);
        return;
    }
    if (c->filled < whole)
        return;
    c->length = whole;
    queue[(queue_head + queued) % MAX_CONNECTIONS] = (struct due){now() + latency, fd};
    if (++queued > in_flight_most)
        in_flight_most = queued;
}

static void answer(int fd)
{
    static char out[MAX_BODY + 512], content[MAX_BODY];
    struct connection *c = connections[fd];
    int losses = strstr(c->in, "normal_push_loss") != NULL;
    char *body_end = body(content, losses, field(c->in, "\"StartTime\":"), field(c->in, "\"EndTime\":"));
    size_t length = (size_t)(body_end - content);
    char *to = text(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ");
    to = text(number(to, length), date());
    memcpy(to, content, length);
    length += (size_t)(to - out);
    calls++;
    int64_t at = now() / 1000000000;
    if (at != second) {
        second = at;
        calls_in_second = 0;
    }
    if (++calls_in_second > peak_second)
        peak_second = calls_in_second;
    c->filled -= c->length;
    memmove(c->in, c->in + c->length, (size_t)c->filled);
    c->length = 0;
    /* An answer is a fraction of the socket's buffer. */
    if (send(fd, out, length, MSG_NOSIGNAL) != (ssize_t)length) {
        refused++;
        end(fd);
    } else if (c->filled) {
        look(fd);
    }
}

static void receive(int fd)
{
    struct connection *c = connections[fd];
    ssize_t got = recv(fd, c->in + c->filled, (size_t)(MAX_REQUEST - 1 - c->filled), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        /* One that waits in the queue is closed when its turn comes. */
        if (c->length)
            c->gone = 1;
        else
            end(fd);
        return;
    }
    c->filled += (int)got;
    if (!c->length)
        look(fd);
}

static void welcome(int listener, int epoll)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= MAX_CONNECTIONS) {
            refused++;
            close(fd);
            continue;
        }
        if (!connections[fd] && !(connections[fd] = calloc(1, sizeof **connections)))
            die("calloc");
        connections[fd]->open = 1;
        connections[fd]->gone = connections[fd]->filled = connections[fd]->length = 0;
        if (++connected > connected_most)
            connected_most = connected;
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
            die("epoll_ctl");
    }
    if (errno == EMFILE || errno == ENFILE)
        die("accept");
}

static void figures(void)
{
    printf("calls=%ju in_flight_most=%u calls_in_second_most=%ju connections_most=%u refused=%ju\n",
           (uintmax_t)calls, in_flight_most, (uintmax_t)peak_second, connected_most, (uintmax_t)refused);
    fflush(stdout);
    in_flight_most = queued;
    connected_most = connected;
    peak_second = calls_in_second = 0;
}

int main(int argc, char **argv)
{
    latency = (argc > 1 ? atoll(argv[1]) : 50) * 1000000;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (listener < 0 || bind(listener, (void *)&address, size) || listen(listener, 4096) ||
        getsockname(listener, (void *)&address, &size))
        die("listen");

    sigset_t asked;
    sigemptyset(&asked);
    sigaddset(&asked, SIGUSR1);
    sigaddset(&asked, SIGTERM);
    sigaddset(&asked, SIGINT);
    sigprocmask(SIG_BLOCK, &asked, NULL);
    int signals = signalfd(-1, &asked, SFD_NONBLOCK | SFD_CLOEXEC);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = LISTENER};
    if (signals < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
        die("epoll");
    event.data.fd = SIGNALS;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &event))
        die("epoll_ctl");
    printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);

    static struct epoll_event events[EVENTS];
    for (;;) {
        int64_t wait = -1;
        if (queued) {
            wait = queue[queue_head].at - now();
            wait = wait > 0 ? (wait + 999999) / 1000000 : 0;
        }
        int ready = epoll_wait(epoll, events, EVENTS, (int)wait);
        for (int n = 0; n < ready; n++) {
            int fd = events[n].data.fd;
            if (fd == LISTENER) {
                welcome(listener, epoll);
            } else if (fd == SIGNALS) {
                struct signalfd_siginfo signal;
                while (read(signals, &signal, sizeof signal) == sizeof signal) {
                    figures();
                    if (signal.ssi_signo != SIGUSR1)
                        return 0;
                }
            } else if (connections[fd]->open) {
                receive(fd);
            }
        }
        for (int64_t at = now(); queued && queue[queue_head].at <= at;) {
            int fd = queue[queue_head].fd;
            queue_head = (queue_head + 1) % MAX_CONNECTIONS;
            queued--;
            if (connections[fd]->gone)
                end(fd);
            else
                answer(fd);
        }
    }
}

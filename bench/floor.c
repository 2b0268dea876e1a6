/* The floor under every client that speaks HTTP/1.1 over sockets: connections in turn, one send and one receive for
   each request, a fixed body, and nothing done with the answers but counting them. What this costs, the kernel takes,
   and no tool that sends one request at a time over a connection can cost less.

   floor PORT CONNECTIONS SECONDS BODY: prints the number of requests. Answers have to come in one piece, as those of
   the bundled service do on the loopback; where one does not, the floor says so and ends with 1. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum { MOST_CONNECTIONS = 10000, MOST_EVENTS = 256 };

static char request[1024];
static int request_length;

static int failed(const char *what) {
    perror(what);
    return 1;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static int ask(int connection) {
    return send(connection, request, request_length, MSG_NOSIGNAL) == request_length;
}

int main(int count, char **words) {
    if (count != 5) return fprintf(stderr, "floor PORT CONNECTIONS SECONDS BODY\n"), 2;
    int port = atoi(words[1]), connections = atoi(words[2]);
    double end = seconds() + atof(words[3]);
    const char *body = words[4];
    if (connections < 1 || connections > MOST_CONNECTIONS || strlen(body) > 512) return 2;
    request_length = snprintf(request, sizeof request,
                              "POST /api/v1/queues HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                              "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                              port, strlen(body), body);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int poll = epoll_create1(0);
    if (poll < 0) return failed("epoll_create1");
    for (int number = 0; number < connections; number++) {
        int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
        if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address)) return failed("connect");
        setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct epoll_event interest = {.events = EPOLLIN | EPOLLET, .data.fd = connection};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, connection, &interest)) return failed("epoll_ctl");
        if (!ask(connection)) return failed("send");
    }

    long answers = 0;
    char answer[16384];
    struct epoll_event events[MOST_EVENTS];
    while (seconds() < end) {
        int ready = epoll_wait(poll, events, MOST_EVENTS, 100);
        for (int number = 0; number < ready; number++) {
            int connection = events[number].data.fd;
            ssize_t length = recv(connection, answer, sizeof answer, MSG_DONTWAIT);
            if (length < 12 || memcmp(answer, "HTTP/1.1 200", 12)) {
                fprintf(stderr, "not a whole answer of status 200\n");
                return 1;
            }
            answers++;
            if (!ask(connection)) return failed("send");
        }
    }
    printf("%ld\n", answers);
    return 0;
}

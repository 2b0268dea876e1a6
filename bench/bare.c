/* A service that costs next to nothing: it answers every request with what the ticketing service answers to
   POST /api/v1/queues, and does nothing else. Against it the generator is what is at its limit. The bundled service
   takes longer to make an answer than wrk or loadtest take to ask for it; they wait for it, and waiting costs.

   bare: prints "listening on URL" and serves until it is killed. Requests have to come in one piece, as those of all
   the tools do that are compared here; where one does not begin like a request, it says so and ends with 1. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_EVENTS = 256 };

static const char body[] =
    "{\"code\":200,\"message\":\"OK\",\"data\":{\"token\":\"23e3bb2d4f07c2a3\",\"status\":\"ACTIVE\",\"position\":0,"
    "\"retryAfterMs\":0,\"expiresAt\":\"2026-11-21T11:45:23.863Z\"}}";

static int failed(const char *what) {
    perror(what);
    return 1;
}

static int watch(int poll, int socket) {
    struct epoll_event interest = {.events = EPOLLIN, .data.fd = socket};
    return epoll_ctl(poll, EPOLL_CTL_ADD, socket, &interest);
}

static int is_request(const char *bytes, ssize_t length) {
    return (length > 5 && !memcmp(bytes, "POST ", 5)) || (length > 4 && !memcmp(bytes, "GET ", 4));
}

int main(void) {
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (door < 0 || bind(door, (struct sockaddr *)&address, size) || listen(door, 4096)) return failed("listen");
    if (getsockname(door, (struct sockaddr *)&address, &size)) return failed("getsockname");
    int poll = epoll_create1(0);
    if (poll < 0 || watch(poll, door)) return failed("epoll");
    printf("listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);

    char answer[1024], request[16384];
    int answer_length = snprintf(answer, sizeof answer,
                                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                 "Queue-Token-Queue-Id: 23e3bb2d4f07c2a3\r\nContent-Length: %zu\r\n"
                                 "Date: Sat, 21 Nov 2026 11:35:23 GMT\r\n\r\n%s",
                                 strlen(body), body);
    struct epoll_event events[MOST_EVENTS];
    for (;;) {
        int ready = epoll_wait(poll, events, MOST_EVENTS, -1);
        for (int number = 0; number < ready; number++) {
            int connection = events[number].data.fd;
            if (connection == door) {
                connection = accept4(door, NULL, NULL, SOCK_CLOEXEC);
                if (connection < 0) return failed("accept");
                setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                if (watch(poll, connection)) return failed("epoll_ctl");
                continue;
            }
            ssize_t length = recv(connection, request, sizeof request, MSG_DONTWAIT);
            if (length <= 0) {
                close(connection);
            } else if (!is_request(request, length)) {
                fprintf(stderr, "not a request in one piece\n");
                return 1;
            } else {
                send(connection, answer, answer_length, MSG_NOSIGNAL);
            }
        }
    }
}

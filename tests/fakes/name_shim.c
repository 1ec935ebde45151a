/* Leads a process that asks for a host below one domain to a port of this machine, in the place of port 443 there.
 * Loaded by LD_PRELOAD; see name_shim.py. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define REAL(name) \
    static __typeof__(&name) real; \
    if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int is_below(const char *host, const char *domain) {
    if (host == NULL || domain == NULL) return 0;
    size_t length = strlen(host), tail = strlen(domain);
    return length > tail && strcmp(host + length - tail, domain) == 0;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    REAL(getaddrinfo);
    return real(is_below(host, getenv("NAME_SHIM_DOMAIN")) ? "127.0.0.1" : host, service, hints, found);
}

int connect(int descriptor, const struct sockaddr *address, socklen_t length) {
    REAL(connect);
    const char *port = getenv("NAME_SHIM_PORT");
    if (port != NULL && address != NULL && address->sa_family == AF_INET) {
        struct sockaddr_in there = *(const struct sockaddr_in *)address;
        if (there.sin_port == htons(443) && there.sin_addr.s_addr == htonl(INADDR_LOOPBACK)) {
            there.sin_port = htons((uint16_t)atoi(port));
            return real(descriptor, (const struct sockaddr *)&there, sizeof there);
        }
    }
    return real(descriptor, address, length);
}

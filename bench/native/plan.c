#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

static char *field(char **line)
{
	char *value = strsep(line, "\t\n");
	if (!value)
		die("a line of the plan has too few fields");
	return value;
}

uint32_t plan_read(const char *path, struct client **plan)
{
	FILE *file = fopen(path, "r");
	if (!file)
		die("the plan %s cannot be read: %s", path, strerror(errno));
	char *line = NULL;
	size_t size = 0, capacity = 0;
	uint32_t count = 0;
	struct client *clients = NULL;
	while (getline(&line, &size, file) > 0) {
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 256;
			clients = need(realloc(clients, capacity * sizeof *clients));
		}
		char *rest = need(strdup(line));
		struct client *client = &clients[count];
		memset(client, 0, sizeof *client);
		client->index = count++;
		client->role.port = (uint16_t)atoi(field(&rest));
		const char *protocol = field(&rest);
		client->role.socketio = !strcmp(protocol, "socketio");
		client->role.stream = !strcmp(protocol, "stream");
		client->role.connect = field(&rest);
		client->role.join = field(&rest);
		if (!strcmp(client->role.join, "-"))
			client->role.join = NULL;
		client->role.room = (uint32_t)atoi(field(&rest));
		client->role.sender = atoi(field(&rest));
		client->role.send = field(&rest);
	}
	fclose(file);
	free(line);
	*plan = clients;
	return count;
}

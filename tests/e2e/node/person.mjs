// A person who uses matrix-js-sdk, in Node or on a page. What is told about rooms is what the library has made of them:
// its own state, never the bare answers.

import {
    ClientEvent,
    createClient,
    Direction,
    NotificationCountType,
    ReceiptType,
    RoomEvent,
} from "matrix-js-sdk";

const PAGE = 200;

export class Person {
    #news;
    #client;
    // While the network is gone, requests fail as they do without a network.
    #offline = new AbortController();
    #sending = new Set();

    constructor(news) {
        this.#news = news;
    }

    handle(question) {
        const verb = this["do_" + question.verb];
        if (verb === undefined) throw new Error(`no verb ${question.verb}`);
        return Promise.resolve(verb.call(this, question));
    }

    #fetch = async (url, options = {}) => {
        const signal = AbortSignal.any([this.#offline.signal, options.signal].filter(Boolean));
        if (signal.aborted) throw new TypeError("no network");
        const answer = await fetch(url, { ...options, signal });
        // An event of a thread that comes by sync before the answer to its sending is, to the library, none of its own:
        // it throws ("not a local echo") and loses its place in the thread. So what is being sent is answered first.
        if (new URL(url).pathname.endsWith("/sync")) await Promise.allSettled(this.#sending);
        return answer;
    };

    /** Sends what `send` sends; no sync is handed to the library meanwhile. */
    async #whole(send) {
        const sent = send();
        this.#sending.add(sent);
        try {
            return await sent;
        } finally {
            this.#sending.delete(sent);
        }
    }

    async do_log_in({ homeserver, user, password }) {
        const common = { baseUrl: homeserver, fetchFn: this.#fetch };
        const answer = await createClient(common).loginRequest({
            type: "m.login.password",
            identifier: { type: "m.id.user", user },
            password,
            initial_device_display_name: "story",
        });
        this.#client = createClient({
            ...common,
            accessToken: answer.access_token,
            userId: answer.user_id,
            deviceId: answer.device_id,
            timelineSupport: true,
        });
        this.#client.on(RoomEvent.Timeline, (event, room, toStart) => {
            if (!toStart && event.getId()?.startsWith("$")) this.#news({ room: room?.roomId, event: event.event });
        });
        // One's own are shown before they are sent, and become events later.
        this.#client.on(RoomEvent.LocalEchoUpdated, (event, room) => {
            if (event.status === null) this.#news({ room: room.roomId, event: event.event });
        });
        this.#client.on(RoomEvent.MyMembership, (room, membership) => {
            if (membership === "invite") this.#client.joinRoom(room.roomId);
        });
        const ready = this.#syncing();
        await this.#client.startClient({ initialSyncLimit: 20, lazyLoadMembers: true, threadSupport: true });
        await ready;
        return { user_id: answer.user_id };
    }

    #syncing() {
        return new Promise((resolve) => {
            const listener = (state) => {
                if (state !== "PREPARED" && state !== "SYNCING") return;
                this.#client.off(ClientEvent.Sync, listener);
                resolve();
            };
            this.#client.on(ClientEvent.Sync, listener);
        });
    }

    do_offline() {
        this.#offline.abort(new TypeError("no network"));
    }

    /** Comes back; done when the first sync has been answered. */
    async do_online() {
        this.#offline = new AbortController();
        const ready = this.#syncing();
        this.#client.retryImmediately();
        await ready;
    }

    async do_create_room({ name, topic, invite, direct, space, open }) {
        const { room_id } = await this.#client.createRoom({
            name: name ?? undefined,
            topic: topic ?? undefined,
            invite,
            is_direct: direct,
            preset: direct ? "trusted_private_chat" : open ? "public_chat" : "private_chat",
            creation_content: space ? { type: "m.space" } : undefined,
        });
        return { room: room_id };
    }

    async do_join({ room }) {
        await this.#client.joinRoom(room);
    }

    do_send({ room, body }) {
        return this.do_send_event({ room, type: "m.room.message", content: { msgtype: "m.text", body } });
    }

    do_send_event({ room, type, content }) {
        return this.#whole(() => this.#client.sendEvent(room, type, content));
    }

    do_send_state({ room, type, key, content }) {
        return this.#client.sendStateEvent(room, type, content, key);
    }

    do_redact({ room, event }) {
        return this.#client.redactEvent(room, event);
    }

    async do_read({ room, event }) {
        const read = this.#client.getRoom(room).findEventById(event);
        await this.#client.sendReadReceipt(read, ReceiptType.Read, true);
    }

    async do_typing({ room, on }) {
        await this.#client.sendTyping(room, on, 30000);
    }

    async do_upload({ data, type, name }) {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        const answer = await this.#client.uploadContent(new Blob([bytes], { type }), { type, name });
        return { mxc: answer.content_uri };
    }

    /** Fetches a thumbnail, or the whole where no width is given, where the library says it lies. */
    async do_fetch({ mxc, width, height }) {
        const url = this.#client.mxcUrlToHttp(mxc, width, height, width && "scale", false, true, true);
        const answer = await this.#fetch(url, { headers: { Authorization: `Bearer ${this.#client.getAccessToken()}` } });
        if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
        const bytes = new Uint8Array(await answer.arrayBuffer());
        const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
        return { type: answer.headers.get("content-type"), data: btoa(letters) };
    }

    async do_search({ term }) {
        const found = await this.#client.searchRoomEvents({ term });
        return found.results.map((result) => result.context.getEvent().getId());
    }

    async do_hierarchy({ room }) {
        const { rooms } = await this.#client.getRoomHierarchy(room);
        return rooms.map((one) => ({ room: one.room_id, name: one.name, children: one.children_state.length }));
    }

    async do_relations({ room, event, rel }) {
        const { events } = await this.#client.relations(room, event, rel);
        return events.map((one) => one.getId());
    }

    /** Pages back until an event is there, and returns the bodies of everything after it, oldest first. */
    async do_catch_up({ room, after }) {
        const live = this.#client.getRoom(room).getLiveTimeline();
        const since = () => {
            const bodies = [];
            for (let timeline = live; timeline; timeline = timeline.getNeighbouringTimeline(Direction.Backward)) {
                for (const event of timeline.getEvents().toReversed()) {
                    if (event.getId() === after) return bodies.toReversed();
                    if (event.getType() === "m.room.message") bodies.push(event.getContent().body);
                }
            }
            return undefined;
        };
        let oldest = live;
        while (since() === undefined) {
            for (let older = oldest; older; older = older.getNeighbouringTimeline(Direction.Backward)) oldest = older;
            const more = await this.#client.paginateEventTimeline(oldest, { backwards: true, limit: PAGE });
            if (!more && since() === undefined) throw new Error(`the room begins, and ${after} was not seen`);
        }
        return since();
    }

    do_describe({ room }) {
        const known = this.#client.getRoom(room);
        if (!known) return null;
        const members = known.getJoinedMembers();
        const events = known.getLiveTimeline().getEvents();
        const annotations = (event) =>
            known.relations.getChildEventsForEvent(event.getId(), "m.annotation", "m.reaction")?.getSortedAnnotationsByKey() ?? [];
        return {
            name: known.name,
            topic: known.currentState.getStateEvents("m.room.topic", "")?.getContent().topic ?? null,
            membership: known.getMyMembership(),
            is_space: known.isSpaceRoom(),
            members: members.map((member) => member.userId).sort(),
            member_names: Object.fromEntries(members.map((member) => [member.userId, member.name])),
            joined: known.getJoinedMemberCount(),
            typing: members.filter((member) => member.typing).map((member) => member.userId),
            unread: known.getUnreadNotificationCount(NotificationCountType.Total),
            highlights: known.getUnreadNotificationCount(NotificationCountType.Highlight),
            receipts: Object.fromEntries(members.map((member) => [member.userId, known.getEventReadUpTo(member.userId, true)])),
            events: events.map((event) => ({
                id: event.getId(),
                type: event.getType(),
                sender: event.getSender(),
                body: event.getContent().body ?? null,
                edited: event.replacingEventId() ?? null,
                redacted: event.isRedacted(),
                reactions: Object.fromEntries(
                    annotations(event)
                        .map(([key, set]) => [key, set.size])
                        .filter(([, size]) => size > 0),
                ),
                thread: event.getThread()?.length ?? 0,
            })),
            threads: Object.fromEntries(
                known.getThreads().map((thread) => [
                    thread.id,
                    thread.events.filter((event) => event.getId() !== thread.id).map((event) => event.getContent().body),
                ]),
            ),
        };
    }
}

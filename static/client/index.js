export { threads } from "./comments.js";
export { HubbubError } from "./errors.js";
export { formatAgo, formatPresence, formatViewers } from "./formats.js";
export { Hubbub } from "./hubbub.js";
export { hasReacted } from "./reactions.js";
export { currentSession, endGuestSession, guestSession } from "./session.js";
export { defaultSettings } from "./settings.js";
export { browserStorage, memoryStorage } from "./storage.js";
export { formatTyping } from "./typing.js";

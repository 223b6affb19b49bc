// TeamsJS would ask Microsoft's CDN for more names of hosts. The page's policy forbids it, and its own list is enough;
// refused here, it uses that without the browser's complaint.
"use strict";

globalThis.fetch = () => Promise.reject(new Error("not needed"));

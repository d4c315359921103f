import assert from "node:assert/strict";
import { test } from "node:test";
import { staffFiles } from "./assets.ts";

test("staffFiles() names what only staff pages lead to, and keeps what the public ones share with them", () => {
	const manifest = {
		"listen/main.tsx": {
			file: "assets/listen.js",
			isEntry: true,
			imports: ["_shared.js"],
			dynamicImports: ["hls"],
			css: ["assets/listen.css"],
		},
		"staff/studio.html": {
			file: "assets/studio.js",
			isEntry: true,
			imports: ["_shared.js"],
			css: ["assets/studio.css"],
		},
		"_shared.js": { file: "assets/shared.js", css: ["assets/look.css"] },
		hls: { file: "assets/hls.js", assets: ["assets/a.wasm"] },
	};
	assert.deepEqual([...staffFiles(JSON.stringify(manifest))], ["assets/studio.js", "assets/studio.css"]);
	assert.deepEqual([...staffFiles("{}")], []);
});

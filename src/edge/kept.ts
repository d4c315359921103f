/** Forgets what was put in first beyond `max`. */
export function keepNewest(map: Map<string, unknown>, max: number): void {
	for (const oldest of map.keys()) {
		if (map.size <= max) return;
		map.delete(oldest);
	}
}

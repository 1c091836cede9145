/**
 * The trips of the demo, for what an app of one's own would have: something that people look at.
 *
 * @typedef {{id: string, title: string, place: string, days: number, hue: number, summary: string, stops: [string, string][]}} Trip
 *
 * @type {Trip[]}
 */
export const TRIPS = [
  {
    id: "lisbon",
    title: "Lisbon in spring",
    place: "Portugal",
    days: 4,
    hue: 24,
    summary: "Tiles, trams and late dinners; by train to the sea on the last day.",
    stops: [
      ["Alfama", "Up the hill before it gets warm, down again for lunch."],
      ["Belém", "The tower, the cloister, and the pastries that everybody queues for."],
      ["LX Factory", "Books, coffee and the bridge overhead."],
      ["Cascais", "Forty minutes along the water. Bring a towel."],
    ],
  },
  {
    id: "kyoto",
    title: "Kyoto on foot",
    place: "Japan",
    days: 5,
    hue: 338,
    summary: "Temples early, gardens at noon, and a bowl of noodles wherever there is a queue.",
    stops: [
      ["Fushimi Inari", "Before seven the gates are yours."],
      ["Philosopher's Path", "Slowly, with a stop for tea."],
      ["Nishiki Market", "Arrive hungry."],
      ["Arashiyama", "Bamboo first, then the monkeys."],
      ["Kurama", "A hot spring after the walk over the ridge."],
    ],
  },
  {
    id: "patagonia",
    title: "Patagonia, end to end",
    place: "Chile and Argentina",
    days: 12,
    hue: 196,
    summary: "Wind, glaciers and the longest gravel road of your life.",
    stops: [
      ["Puerto Varas", "Supplies, and a look at the volcano."],
      ["Carretera Austral", "Three days of forest, ferries and dust."],
      ["Perito Moreno", "Sit down and wait until it breaks."],
      ["Torres del Paine", "Up in the dark, for the red light."],
    ],
  },
];

/** @param {string} id */
export const tripOf = (id) => TRIPS.find((trip) => trip.id === id);

// Generated schemas and values, judged by stockade's compiler and interpreter and by ajv: any
// difference is a failure, shown with its schema and value. Kept to where both are defined: no formats,
// numbers and multiples that doubles hold exactly. And around what ajv 8.20 gets wrong: it finds the key ""
// in every object, takes 1e18 for a multiple of 3, and lets [] pass `contains` beside `prefixItems`.
//   node schema_diff.js TOOL SEED COUNT
"use strict";
const { spawnSync } = require("child_process");
const Ajv = require("ajv/dist/2020").default;

const [tool, seed, count] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

let state = seed >>> 0;
const random = () => { // mulberry32
	state = (state + 0x6d2b79f5) >>> 0;
	let t = Math.imul(state ^ (state >>> 15), 1 | state);
	t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
	return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const upto = (n) => Math.floor(random() * n);
const pick = (list) => list[upto(list.length)];
const chance = (p) => random() < p;
const times = (n, f) => Array.from({ length: n }, f);
const some = (list, most) => [...new Set(times(1 + upto(most), () => pick(list)))];

const KEYS = ["a", "b", "c", "aa", "ab", "é", "x/y", "~"];
const TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"];
const WORDS = ["", "a", "b", "ab", "aab", "abc", "é", "éa", "🐲", "🐲🐲", "1", "12", "a1", "_", "a b", "a\nb", "[", "\u2028"];
const NUMBERS = [0, 1, 2, 3, 4, 5, 6, -1, -2, 0.5, 1.5, -0.25, 2.75, 1e3, 1e15, 9007199254740991, -9007199254740991, 3.0];

function value(depth) {
	const kind = depth > 0 ? upto(7) : upto(5);
	if (kind === 0) return null;
	if (kind === 1) return chance(0.5);
	if (kind === 2) return pick(NUMBERS);
	if (kind === 3 || kind === 4) return pick(WORDS);
	if (kind === 5) return times(upto(4), () => value(depth - 1));
	const o = {};
	for (const k of some(KEYS, 4)) if (chance(0.8)) o[k] = value(depth - 1);
	return o;
}

const ATOMS = ["a", "b", "1", "é", "🐲", ".", "\\d", "\\w", "[ab]", "[^a]", "[a-c1]", "[^\\d]", "\\.", "\\[", "[\\w-]", "\\u00e9", "\\x61", "\\n"];
function pattern(depth, bounded) {
	const one = () => {
		const unbounded = !bounded && chance(0.3);
		let atom = pick(ATOMS);
		if (depth > 0 && chance(0.3)) atom = (chance(0.5) ? "(" : "(?:") + pattern(depth - 1, bounded || unbounded) + ")";
		if (unbounded) return atom + pick(["*", "+", "{1,}", "*?"]);
		return chance(0.3) ? atom + pick(["?", "{2}", "{1,3}", "{0,2}", "??"]) : atom;
	};
	const sequence = () => times(upto(3) + 1, one).join("");
	return (chance(0.3) ? "^" : "") + times(chance(0.25) ? 2 : 1, sequence).join("|") + (chance(0.3) ? "$" : "");
}

const schemaOr = (depth) => chance(0.1) ? chance(0.7) : schema(depth);
const map = (keys, f) => Object.fromEntries(keys.map((k) => [k, f()]));
const MAKERS = {
	type: () => chance(0.7) ? pick(TYPES) : some(TYPES, 3),
	enum: () => times(1 + upto(4), () => value(2)),
	const: () => value(2),
	multipleOf: () => pick([1, 2, 3, 5, 7, 0.5, 0.25, 1000]),
	maximum: () => pick(NUMBERS), exclusiveMaximum: () => pick(NUMBERS),
	minimum: () => pick(NUMBERS), exclusiveMinimum: () => pick(NUMBERS),
	maxLength: () => upto(4), minLength: () => upto(3), pattern: () => pattern(2, false),
	prefixItems: (d) => times(1 + upto(3), () => schemaOr(d)), items: (d) => schemaOr(d),
	contains: (d) => schemaOr(d), minContains: () => upto(3), maxContains: () => upto(3),
	maxItems: () => upto(4), minItems: () => upto(3), uniqueItems: () => chance(0.9),
	properties: (d) => map(some(KEYS, 3), () => schemaOr(d)),
	patternProperties: (d) => map(times(1 + upto(2), () => pattern(1, false)), () => schemaOr(d)),
	additionalProperties: (d) => chance(0.4) ? false : schemaOr(d),
	propertyNames: (d) => chance(0.5) ? { maxLength: upto(3) } : schemaOr(d),
	required: () => some(KEYS, 2), dependentRequired: () => map(some(KEYS, 2), () => some(KEYS, 2)),
	dependentSchemas: (d) => map(some(KEYS, 2), () => schemaOr(d)),
	maxProperties: () => upto(4), minProperties: () => upto(3),
	allOf: (d) => times(1 + upto(2), () => schemaOr(d)), anyOf: (d) => times(1 + upto(3), () => schemaOr(d)),
	oneOf: (d) => times(1 + upto(3), () => schemaOr(d)), not: (d) => schemaOr(d),
	if: (d) => schemaOr(d), then: (d) => schemaOr(d), else: (d) => schemaOr(d),
	$ref: () => pick(["#/$defs/d0", "#/$defs/d1", "#"]),
};
const NESTING = new Set(["prefixItems", "items", "contains", "properties", "patternProperties", "additionalProperties",
	"propertyNames", "dependentSchemas", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref"]);
const ALL = Object.keys(MAKERS), FLAT = ALL.filter((k) => !NESTING.has(k));
function schema(depth) {
	const s = {};
	for (const k of some(depth > 0 ? ALL : FLAT, 4)) s[k] = MAKERS[k](depth - 1);
	if (s.prefixItems) delete s.contains;
	return s;
}
function whole() {
	const s = schema(3);
	s.$defs = { d0: schema(1), d1: schema(1) };
	return s;
}

// values near to what the schema speaks of: its own constants, and mutations of them
function vocabulary(s, out) {
	if (Array.isArray(s)) s.forEach((x) => vocabulary(x, out));
	else if (s !== null && typeof s === "object") {
		if ("const" in s) out.push(s.const);
		if (Array.isArray(s.enum)) out.push(...s.enum);
		Object.values(s).forEach((x) => vocabulary(x, out));
	}
	return out;
}
function near(words) {
	const v = value(3);
	if (words.length === 0 || chance(0.6)) return v;
	const w = pick(words);
	return chance(0.5) ? w : chance(0.5) ? [w, v, w] : { [pick(KEYS)]: w, [pick(KEYS)]: v };
}

const cases = [];
const ajv = new Ajv({ strict: false, validateFormats: false, allowUnionTypes: true, logger: false });
while (cases.length < count) {
	const s = whole();
	const words = vocabulary(s, []);
	cases.push({ schema: s, data: times(12, () => near(words)) });
}
const run = spawnSync(tool, ["--lines"], { input: cases.map((c) => JSON.stringify(c) + "\n").join(""), maxBuffer: 1 << 28 });
const answers = run.stdout.toString().split("\n");
let compared = 0, valid = 0, unbuilt = {}, cost = 0, differ = 0;
cases.forEach((c, i) => {
	if (answers[i].startsWith("no ")) {
		const why = answers[i].replace(/^no \S*: /, "").replace(/".*"/, "...");
		unbuilt[why] = (unbuilt[why] || 0) + 1;
		return;
	}
	const validate = ajv.compile(c.schema);
	c.data.forEach((d, k) => {
		if (answers[i][k] === "c") { cost++; return; }
		let theirs;
		try { theirs = validate(d); } catch (e) { return; }
		compared++;
		valid += theirs;
		if (theirs !== (answers[i][k] === "y") && ++differ <= 5)
			console.log(`# ajv says ${theirs}, stockade ${answers[i][k]}: ${JSON.stringify(c.schema)} of ${JSON.stringify(d)}`);
	});
	ajv.removeSchema();
});
console.log(`# seed ${seed}: ${count} schemas, ${compared} values compared, ${valid} valid, ${cost} beyond the counter; not built: ${JSON.stringify(unbuilt)}`);
const enough = run.status === 0 && compared > count * 6 && valid > compared / 20 && valid < compared * 19 / 20;
console.log(`${enough ? "ok" : "not ok"} - enough was compared, and of both kinds`);
console.log(`${differ === 0 ? "ok" : "not ok"} - ajv and stockade agree on every one`);

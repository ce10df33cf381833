// Compares a folder on disk with a tree, in AssemblyScript; `node scripts/build-wasm.ts` makes ../folder.wasm of it.
//
// An unchanged backup looks at every entry and at every node of the parent, once: far too seldom for a compiler that
// learns while it runs, so this is compiled beforehand. It says "the same" only of what it understands wholly, in the way
// in which trees are written; whatever is unusual counts as different, and is looked at elsewhere with all care.
// A restore asks the other way round: which of the tree's entries are on the disk already, as far as a look tells.
// The memory belongs to the caller, who also knows how long each part of it is.

const quote: u8 = 0x22
const backslash: u8 = 0x5c
const comma: u8 = 0x2c
const colon: u8 = 0x3a
const openBrace: u8 = 0x7b
const closeBrace: u8 = 0x7d
const openBracket: u8 = 0x5b
const closeBracket: u8 = 0x5d

/** struct linux_dirent64: inode 8, offset 8, length of the record 2, type 1, then the name and a NUL. */
const recordLengthAt: usize = 16
const nameAt: usize = 19

/** struct statx, 256 bytes. */
const statLength: usize = 256
const linksAt: usize = 16
const uidAt: usize = 20
const gidAt: usize = 24
const modeAt: usize = 28
const inodeAt: usize = 32
const sizeAt: usize = 40
const ctimeAt: usize = 96
const mtimeAt: usize = 112
const fractionAt: usize = 8

const typeMask: u32 = 0o170000
const fileType: u32 = 0o100000
const folderType: u32 = 0o040000
const symlinkType: u32 = 0o120000
const socketType: u32 = 0o140000

// Text of up to eight bytes as a number, first byte lowest.
const textName: u64 = 0x656d616e
const textType: u64 = 0x65707974
const textMode: u64 = 0x65646f6d
const textMtime: u64 = 0x656d69746d
const textCtime: u64 = 0x656d697463
const textUid: u64 = 0x646975
const textGid: u64 = 0x646967
const textInode: u64 = 0x65646f6e69
const textSize: u64 = 0x657a6973
const textContent: u64 = 0x746e65746e6f63
const textSubtree: u64 = 0x65657274627573
const textError: u64 = 0x726f727265
const textLinks: u64 = 0x736b6e696c
// The beginnings of extended_attributes, and of linktarget and linktarget_raw.
const textExtended: u64 = 0x6465646e65747865
const textLinktarget: u64 = 0x677261746b6e696c
const textFile: u64 = 0x656c6966
const textDir: u64 = 0x726964
const textSymlink: u64 = 0x6b6e696c6d7973
const textDev: u64 = 0x766564
const textChardev: u64 = 0x76656472616863
const textFifo: u64 = 0x6f666966
const textNodes: u64 = 0x5b3a227365646f6e // nodes":[
const textNull: u32 = 0x6c6c756e
const textNone: u16 = 0x5d5b // []

/** What `match` says of a node, 32 bytes: kind, place of its entry, name, ids, size. */
const recordLength: usize = 32
const kindOther: u32 = 0
const kindFile: u32 = 1
const kindFolder: u32 = 2
/** A folder whose own metadata is right. */
const kindRightFolder: u32 = 3
const kindSymlink: u32 = 4

/** How far the tree is read. */
let at: usize = 0

// What the node that was read last says. 0 stands for a position that there is none of.
let seen: u32 = 0
let nameStart: usize = 0
let nameEnd: usize = 0
let typeText: u64 = 0
let mode: u64 = 0
let uid: u64 = 0
let gid: u64 = 0
let inode: u64 = 0
let size: u64 = 0
let links: u64 = 0
let mtimeSeconds: i64 = 0
let mtimeFraction: u32 = 0
let ctimeSeconds: i64 = 0
let ctimeFraction: u32 = 0
let contentStart: usize = 0
let subtreeStart: usize = 0
let targetStart: usize = 0
let targetEnd: usize = 0
let hasError: bool = false
let hasAttributes: bool = false

let seconds: i64 = 0
let fraction: u32 = 0
let number: u64 = 0

/** Where `compare` leaves what it found. */
export let files: u32 = 0
export let bytes: f64 = 0
/** Ids of the data blobs, one after the other. */
export let ids: u32 = 0
/** Entries that are folders: the entry's place, 1 if the folder's own metadata is the same, the id of its tree. */
export let folders: u32 = 0
/** Nodes of the tree, after `match`, and entries that are none of them. */
export let nodes: u32 = 0
export let extras: u32 = 0

/** Puts where each name begins into `order`, sorted by the bytes of the names; returns how many there are, without . and .. */
export function sort(dirents: usize, end: usize, order: usize): u32 {
  let count: u32 = 0
  for (let record = dirents; record < end; record += <usize>load<u16>(record + recordLengthAt)) {
    const name = record + nameAt
    if (isDots(name)) continue
    store<u32>(order + (<usize>count << 2), <u32>name)
    count++
  }
  for (let i = count >> 1; i > 0; i--) sink(order, i - 1, count)
  for (let last = count; last > 1; last--) {
    const largest = load<u32>(order)
    store<u32>(order, load<u32>(order + (<usize>(last - 1) << 2)))
    store<u32>(order + (<usize>(last - 1) << 2), largest)
    sink(order, 0, last - 1)
  }
  return count
}

function isDots(name: usize): bool {
  if (load<u8>(name) != 0x2e) return false
  const second = load<u8>(name + 1)
  return second == 0 || (second == 0x2e && load<u8>(name + 2) == 0)
}

/** Heapsort: lets the entry at `i` sink among the first `count` to where it is not smaller than what is below it. */
function sink(order: usize, i: u32, count: u32): void {
  const name = load<u32>(order + (<usize>i << 2))
  while (true) {
    let child: u32 = 2 * i + 1
    if (child >= count) break
    let larger = load<u32>(order + (<usize>child << 2))
    if (child + 1 < count) {
      const other = load<u32>(order + (<usize>(child + 1) << 2))
      if (isLess(larger, other)) {
        child++
        larger = other
      }
    }
    if (!isLess(name, larger)) break
    store<u32>(order + (<usize>i << 2), larger)
    i = child
  }
  store<u32>(order + (<usize>i << 2), name)
}

function isLess(a: usize, b: usize): bool {
  while (true) {
    const left = load<u8>(a++)
    const right = load<u8>(b++)
    if (left != right) return left < right
    if (left == 0) return false
  }
}

/**
 * Whether the entries are those of the tree, all of them, and all as it says. `order` tells where each name begins, `stats` has
 * a struct statx for each. Data blobs' ids go to `idsTo`, 32 bytes each, folders to `foldersTo`, 40 bytes each.
 */
export function compare(
  tree: usize,
  treeEnd: usize,
  order: usize,
  stats: usize,
  count: u32,
  idsTo: usize,
  idsEnd: usize,
  foldersTo: usize,
): bool {
  files = ids = folders = 0
  bytes = 0
  // Behind the tree there is room that holds nothing; so reading a little further does no harm.
  at = tree
  if (!takeByte(openBrace) || !takeByte(quote) || load<u64>(at) != textNodes) return false
  at += 8
  let isFirst = true
  for (let i: u32 = 0; i < count; i++) {
    const stat = stats + <usize>i * statLength
    const stMode = <u32>load<u16>(stat + modeAt)
    if ((stMode & typeMask) == socketType) continue
    if (!isFirst && !takeByte(comma)) return false
    isFirst = false
    if (!readNode(treeEnd) || !isNamed(load<u32>(order + (<usize>i << 2)))) return false
    const isSame = sameMetadata(stat, stMode)
    if ((stMode & typeMask) == folderType) {
      if (!putFolder(foldersTo + <usize>folders * 40, i, isSame)) return false
      folders++
    } else {
      if (!isSame || hasError || typeText != typeOf(stMode)) return false
      if ((stMode & typeMask) == fileType) {
        if (size != load<u64>(stat + sizeAt) || !putContent(idsTo, idsEnd)) return false
        files++
        bytes += <f64>size
      }
    }
  }
  return takeByte(closeBracket) && takeByte(closeBrace) && takeByte(0x0a) && at == treeEnd
}

/**
 * Goes through the tree's nodes beside the entries, and leaves a record for each of them: `recordsTo` gets its kind, the place
 * of the entry of that name, where its name begins and how long it is, which of the ids at `idsTo` is its first and how many
 * there are (the data blobs of a file; the tree of a folder), or where a symlink's target begins and how long it is, and the
 * size. A file is of the kind only when it looks right: length, owner, permissions and time, with no second name and no
 * attributes in the tree; and so is a symlink, whose target nobody has read. False when anything is unusual.
 */
export function match(
  tree: usize,
  treeEnd: usize,
  order: usize,
  stats: usize,
  count: u32,
  idsTo: usize,
  idsEnd: usize,
  recordsTo: usize,
  recordsEnd: usize,
): bool {
  nodes = extras = ids = 0
  at = tree
  if (!takeByte(openBrace) || !takeByte(quote) || load<u64>(at) != textNodes) return false
  at += 8
  let place: u32 = 0
  while (load<u8>(at) != closeBracket) {
    const record = recordsTo + <usize>nodes * recordLength
    if (record + recordLength > recordsEnd || (nodes > 0 && !takeByte(comma)) || !readNode(treeEnd)) return false
    nodes++
    let difference = 1
    while (place < count) {
      difference = compareName(load<u32>(order + (<usize>place << 2)))
      if (difference >= 0) break
      extras++
      place++
    }
    store<u32>(record, kindOther)
    if (difference != 0 || place == count) continue
    if (!putMatch(record, stats + <usize>place * statLength, idsTo, idsEnd)) return false
    store<u32>(record, place++, 4)
  }
  extras += count - place
  return takeByte(closeBracket) && takeByte(closeBrace) && takeByte(0x0a) && at == treeEnd
}

/** What is known of a node and the entry of its name; false when the node is unusual. */
function putMatch(record: usize, stat: usize, idsTo: usize, idsEnd: usize): bool {
  const stMode = <u32>load<u16>(stat + modeAt)
  const isOwned = looksRight(stat)
  const isRight = isOwned && permissions(<u32>mode) == (stMode & 0o7777)
  const isOnlyName = links < 2 && load<u32>(stat + linksAt) == 1
  const first = ids
  let kind = kindOther
  if ((stMode & typeMask) == folderType && typeText == textDir) {
    const id = idsTo + (<usize>ids << 5)
    if (id + 32 > idsEnd || subtreeStart == 0 || !putId(subtreeStart, id)) return false
    if (load<u8>(subtreeStart + 64) != quote) return false
    ids++
    kind = isRight ? kindRightFolder : kindFolder
  } else if ((stMode & typeMask) == fileType && typeText == textFile && isRight && isOnlyName) {
    if (size == load<u64>(stat + sizeAt) && contentStart != 0) {
      if (!putContent(idsTo, idsEnd)) return false
      kind = kindFile
    }
  } else if ((stMode & typeMask) == symlinkType && typeText == textSymlink && isOwned && isOnlyName) {
    if (targetStart != 0) kind = kindSymlink
  }
  store<u32>(record, kind)
  store<u32>(record, <u32>nameStart, 8)
  store<u32>(record, <u32>(nameEnd - nameStart), 12)
  store<u32>(record, kind == kindSymlink ? <u32>targetStart : first, 16)
  store<u32>(record, kind == kindSymlink ? <u32>(targetEnd - targetStart) : ids - first, 20)
  store<f64>(record, <f64>size, 24)
  return true
}

/** What a restore sets, as far as a look tells; permissions apart, which a symlink has not. */
function looksRight(stat: usize): bool {
  return (
    mtimeSeconds == load<i64>(stat + mtimeAt) &&
    mtimeFraction == load<u32>(stat + mtimeAt + fractionAt) &&
    uid == <u64>load<u32>(stat + uidAt) &&
    gid == <u64>load<u32>(stat + gidAt) &&
    !hasAttributes
  )
}

/** As `permissionsOf` in ../mode.ts. */
function permissions(go: u32): u32 {
  let bits = go & 0o777
  if ((go & (1 << 23)) != 0) bits |= 0o4000
  if ((go & (1 << 22)) != 0) bits |= 0o2000
  if ((go & (1 << 20)) != 0) bits |= 0o1000
  return bits
}

/** Order of an entry's name, which ends with a NUL, and that of the node. */
function compareName(name: usize): i32 {
  for (let p = nameStart; p < nameEnd; p++) {
    const difference = <i32>load<u8>(name++) - <i32>load<u8>(p)
    if (difference != 0) return difference
  }
  return <i32>load<u8>(name)
}

function typeOf(stMode: u32): u64 {
  switch (stMode & typeMask) {
    case 0o100000:
      return textFile
    case 0o120000:
      return textSymlink
    case 0o060000:
      return textDev
    case 0o020000:
      return textChardev
    case 0o010000:
      return textFifo
    default:
      return 1 // no text
  }
}

/** Everything that must not have changed, content apart. With the same ctime nothing else has changed either. */
function sameMetadata(stat: usize, stMode: u32): bool {
  return (
    mtimeSeconds == load<i64>(stat + mtimeAt) &&
    mtimeFraction == load<u32>(stat + mtimeAt + fractionAt) &&
    ctimeSeconds == load<i64>(stat + ctimeAt) &&
    ctimeFraction == load<u32>(stat + ctimeAt + fractionAt) &&
    inode == load<u64>(stat + inodeAt) &&
    mode == <u64>goMode(stMode) &&
    uid == <u64>load<u32>(stat + uidAt) &&
    gid == <u64>load<u32>(stat + gidAt)
  )
}

/** As `goModeOf` in ../mode.ts. */
function goMode(stMode: u32): u32 {
  let go = stMode & 0o777
  if ((stMode & 0o4000) != 0) go |= 1 << 23
  if ((stMode & 0o2000) != 0) go |= 1 << 22
  if ((stMode & 0o1000) != 0) go |= 1 << 20
  switch (stMode & typeMask) {
    case 0o100000:
      return go
    case 0o040000:
      return go | (1 << 31)
    case 0o120000:
      return go | (1 << 27)
    case 0o060000:
      return go | (1 << 26)
    case 0o020000:
      return go | (1 << 26) | (1 << 21)
    case 0o010000:
      return go | (1 << 25)
    default:
      return go | (1 << 19)
  }
}

function isNamed(name: usize): bool {
  let p = nameStart
  while (p < nameEnd) if (load<u8>(p++) != load<u8>(name++)) return false
  return load<u8>(name) == 0
}

function putFolder(to: usize, place: u32, isSame: bool): bool {
  if (typeText != textDir || subtreeStart == 0) return false
  store<u32>(to, place)
  store<u32>(to, isSame ? 1 : 0, 4)
  return putId(subtreeStart, to + 8) && load<u8>(subtreeStart + 64) == quote
}

function putContent(to: usize, end: usize): bool {
  if (contentStart == 0) return false
  let p = contentStart
  if (load<u8>(p) == closeBracket) return true
  while (true) {
    const id = to + (<usize>ids << 5)
    if (id + 32 > end || load<u8>(p) != quote || !putId(p + 1, id) || load<u8>(p + 65) != quote) return false
    ids++
    p += 66
    const next = load<u8>(p++)
    if (next == closeBracket) return true
    if (next != comma) return false
  }
}

function putId(from: usize, to: usize): bool {
  for (let i: usize = 0; i < 32; i++) {
    const high = hexDigit(load<u8>(from + 2 * i))
    const low = hexDigit(load<u8>(from + 2 * i + 1))
    if ((high | low) > 15) return false
    store<u8>(to + i, <u8>((high << 4) | low))
  }
  return true
}

// @ts-ignore: decorator
@inline
function hexDigit(text: u8): u32 {
  const digit = <u32>text - 0x30
  if (digit < 10) return digit
  const letter = <u32>text - 0x61
  return letter < 6 ? letter + 10 : 0xff
}

/** Reads the node at `at`; false when it is not as we write nodes, or ends beyond `end`. */
function readNode(end: usize): bool {
  seen = 0
  nameStart = contentStart = subtreeStart = targetStart = 0
  typeText = mode = uid = gid = inode = size = links = 0
  hasError = hasAttributes = false
  if (!takeByte(openBrace)) return false
  while (true) {
    if (!takeByte(quote)) return false
    const key = at
    if (!takeKey(end)) return false
    const length = at - 1 - key
    if (!takeByte(colon) || !readField(key, length, end)) return false
    const next = load<u8>(at++)
    if (next == closeBrace) return at <= end && (seen & 0b111) == 0b111
    if (next != comma) return false
  }
}

/** Takes the value of a field, and keeps it when it matters here. */
function readField(key: usize, length: usize, end: usize): bool {
  if (length > 7) {
    // No other key is as long and begins so.
    if (length == 19 && load<u64>(key) == textExtended) hasAttributes = hasAttributes || !isNone()
    if (load<u64>(key) == textLinktarget) return length == 10 ? once(13) && takeTarget(end) : once(14) && dropTarget(end)
    return skipValue(end)
  }
  const text = load<u64>(key) & ((<u64>1 << (<u64>length << 3)) - 1)
  switch (length) {
    case 3:
      if (text == textUid) return once(3) && takeNumber() && keepUid()
      if (text == textGid) return once(4) && takeNumber() && keepGid()
      break
    case 4:
      if (text == textName) return once(0) && takeName(end)
      if (text == textType) return once(5) && takeType(end)
      if (text == textMode) return once(6) && takeNumber() && keepMode()
      if (text == textSize) return once(7) && takeNumber() && keepSize()
      break
    case 5:
      if (text == textMtime) return once(1) && takeTime() && keepMtime()
      if (text == textCtime) return once(2) && takeTime() && keepCtime()
      if (text == textInode) return once(8) && takeNumber() && keepInode()
      if (text == textLinks) return once(12) && takeNumber() && keepLinks()
      if (text == textError) {
        hasError = true
        return once(9) && skipValue(end)
      }
      break
    case 7:
      if (text == textContent) return once(10) && takeContent(end)
      if (text == textSubtree) return once(11) && takeSubtree(end)
      break
  }
  return skipValue(end)
}

function once(field: u32): bool {
  const bit: u32 = 1 << field
  if ((seen & bit) != 0) return false
  seen |= bit
  return true
}

function keepUid(): bool {
  uid = number
  return true
}

function keepGid(): bool {
  gid = number
  return true
}

function keepMode(): bool {
  mode = number
  return true
}

function keepSize(): bool {
  size = number
  return true
}

function keepInode(): bool {
  inode = number
  return true
}

function keepLinks(): bool {
  links = number
  return true
}

function keepMtime(): bool {
  mtimeSeconds = seconds
  mtimeFraction = fraction
  return true
}

function keepCtime(): bool {
  ctimeSeconds = seconds
  ctimeFraction = fraction
  return true
}

function isNone(): bool {
  return load<u32>(at) == textNull || load<u16>(at) == textNone
}

// @ts-ignore: decorator
@inline
function takeByte(byte: u8): bool {
  return load<u8>(at++) == byte
}

/** A key, and the quote at its end: small letters and underscores are all that keys are made of. */
function takeKey(end: usize): bool {
  while (at < end) {
    const byte = load<u8>(at++)
    if (byte == quote) return true
    if (byte != 0x5f && <u32>byte - 0x61 > 25) return false
  }
  return false
}

/** A name with escapes in it is not understood here. */
function takeName(end: usize): bool {
  if (!takeByte(quote)) return false
  nameStart = at
  while (true) {
    const byte = load<u8>(at)
    if (byte == quote) break
    if (byte == backslash || byte < 0x20 || at >= end) return false
    at++
  }
  nameEnd = at++
  return nameEnd > nameStart
}

function takeType(end: usize): bool {
  if (!takeByte(quote)) return false
  const start = at
  if (!skipText(end)) return false
  const length = at - 1 - start
  typeText = length > 7 ? 0 : load<u64>(start) & ((<u64>1 << (<u64>length << 3)) - 1)
  return true
}

function takeContent(end: usize): bool {
  if (load<u8>(at) != openBracket) return skipValue(end)
  contentStart = at + 1
  return skipValue(end)
}

function takeSubtree(end: usize): bool {
  if (!takeByte(quote)) return false
  subtreeStart = at
  return skipText(end)
}

/** Where a symlink leads, unless there are escapes in it. */
function takeTarget(end: usize): bool {
  if (load<u8>(at) != quote) return skipValue(end)
  const start = ++at
  while (at < end && load<u8>(at) != quote && load<u8>(at) != backslash && load<u8>(at) >= 0x20) at++
  if (load<u8>(at) == quote && (seen & (1 << 14)) == 0) {
    targetStart = start
    targetEnd = at
  }
  return skipText(end)
}

/** Where it leads is said in another way, too. */
function dropTarget(end: usize): bool {
  targetStart = 0
  return skipValue(end)
}

/** Up to 19 digits, which always fit. */
function takeNumber(): bool {
  const start = at
  number = 0
  while (true) {
    const digit = <u32>load<u8>(at) - 0x30
    if (digit > 9) break
    number = number * 10 + digit
    at++
  }
  const digits = at - start
  return digits > 0 && digits < 20
}

/** `2006-01-02T15:04:05.123456789Z`, or with an offset; the dash of the date at its place and so on. */
function takeTime(): bool {
  if (!takeByte(quote)) return false
  const year = twoDigits(at) * 100 + twoDigits(at + 2)
  const month = twoDigits(at + 5)
  const day = twoDigits(at + 8)
  const hour = twoDigits(at + 11)
  const minute = twoDigits(at + 14)
  const second = twoDigits(at + 17)
  const isPunctuated =
    load<u8>(at + 4) == 0x2d &&
    load<u8>(at + 7) == 0x2d &&
    load<u8>(at + 10) == 0x54 &&
    load<u8>(at + 13) == colon &&
    load<u8>(at + 16) == colon
  // A pair that is no two digits is 1000 or more, and so is a year made of one.
  const isInRange = year < 10000 && month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60
  if (!isPunctuated || !isInRange || second >= 60) return false
  at += 19
  if (!takeFraction()) return false
  seconds = <i64>daysFromCivil(year, month, day) * 86400 + <i64>(hour * 3600 + minute * 60 + second)
  return takeOffset() && takeByte(quote)
}

function takeFraction(): bool {
  fraction = 0
  if (load<u8>(at) != 0x2e) return true
  const start = ++at
  while (true) {
    const digit = <u32>load<u8>(at) - 0x30
    if (digit > 9) break
    if (at - start < 9) fraction = fraction * 10 + digit
    at++
  }
  const digits = at - start
  for (let i = digits; i < 9; i++) fraction *= 10
  return digits > 0 && digits <= 9
}

function takeOffset(): bool {
  const sign = load<u8>(at++)
  if (sign == 0x5a) return true
  if (sign != 0x2b && sign != 0x2d) return false
  const hours = twoDigits(at)
  const minutes = twoDigits(at + 3)
  if (hours >= 24 || minutes >= 60 || load<u8>(at + 2) != colon) return false
  at += 5
  const east = <i64>(hours * 3600 + minutes * 60)
  seconds -= sign == 0x2b ? east : -east
  return true
}

function twoDigits(p: usize): i32 {
  const high = <u32>load<u8>(p) - 0x30
  const low = <u32>load<u8>(p + 1) - 0x30
  return high > 9 || low > 9 ? 1000000 : <i32>(high * 10 + low)
}

/** Days since 1970; a day beyond the end of its month is one of the next, and then no time on any disk is the same. */
function daysFromCivil(year: i32, month: i32, day: i32): i32 {
  // Years that begin in March have the leap day at their end; 400 of them are 146097 days.
  const shifted = month <= 2 ? year + 399 : year + 400
  const era = shifted / 400
  const ofEra = shifted - era * 400
  const ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
  const days = ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear
  return (era - 1) * 146097 + days - 719468
}

/** The rest of a text whose quote has been taken, and the quote at its end. */
function skipText(end: usize): bool {
  while (true) {
    if (at >= end) return false
    const byte = load<u8>(at++)
    if (byte == quote) return true
    if (byte < 0x20) return false
    if (byte == backslash && load<u8>(at++) < 0x20) return false
  }
}

/** A value that does not matter: a text, a number, null, or a list or object of such. */
function skipValue(end: usize): bool {
  let depth = 0
  do {
    if (at >= end) return false
    const byte = load<u8>(at++)
    if (byte == quote) {
      if (!skipText(end)) return false
    } else if (byte == openBracket || byte == openBrace) depth++
    else if (byte == closeBracket || byte == closeBrace) depth--
    else if (depth == 0) {
      at--
      if (load<u32>(at) == textNull) at += 4
      else if (!takeNumber()) return false
    }
  } while (depth > 0)
  return depth == 0
}

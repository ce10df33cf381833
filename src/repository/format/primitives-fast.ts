import { longestCipherPiece, Sealer, type MasterKey, type SealCipher } from './crypto.ts'
import { checkRoom, hashLength, type Hasher } from './hash.ts'
import { MultiBlockHasher, SerialPairHasher, type MultiBlock } from './hash-pairs.ts'
import type { Primitives } from './primitives.ts'
import { tuningFor, tuningParameters, type Tuning } from './zstd-tuning.ts'
import { broken, checkFrame, wrongLength, type Zstd } from './zstd.ts'

/**
 * The functions of OpenSSL and zstd that the Node binary itself contains and exports, called through koffi: no object,
 * no stream and no copy a blob. Every pointer that is passed is a buffer of the caller, held by him during the call.
 */

type Koffi = typeof import('koffi')
type Native = ReturnType<typeof bindFunctions>
/** An address that a C function returned. */
type Pointer = unknown

/** The fast primitives, or undefined where this Node binary does not have all that they need. */
export function loadFastPrimitives(require: NodeJS.Require): Primitives | undefined {
  try {
    const koffi = require('koffi') as Koffi
    const native = bindFunctions(koffi)
    const zstd = new FastZstd(native)
    const hasher = createFastHasher(native)
    const multiBlock = bindMultiBlock(koffi)
    return {
      name: 'fast',
      hasher,
      createPairHasher: () => (multiBlock ? new MultiBlockHasher(multiBlock) : new SerialPairHasher(hasher)),
      zstd,
      createSealer: (key) => new Sealer(new FastCipher(native, key)),
      [Symbol.dispose]: () => zstd[Symbol.dispose](),
    }
  } catch {
    return undefined // another build of Node, another platform: the reference does the work
  }
}

function bindFunctions(koffi: Koffi) {
  const library = koffi.load(null)
  const bind = <Arguments extends unknown[], Result>(declaration: string) =>
    library.func(declaration) as unknown as (...values: Arguments) => Result
  return {
    createCipher: bind<[], Pointer>('void* EVP_CIPHER_CTX_new()'),
    freeCipher: bind<[Pointer], void>('void EVP_CIPHER_CTX_free(void*)'),
    aes256Ctr: bind<[], Pointer>('void* EVP_aes_256_ctr()')(),
    aes128Ecb: bind<[], Pointer>('void* EVP_aes_128_ecb()')(),
    initCipher: bind<[Pointer, Pointer, null, Uint8Array | null, Uint8Array | null], number>(
      'int EVP_EncryptInit_ex(void*, void*, void*, const void*, const void*)',
    ),
    encrypt: bind<[Pointer, Uint8Array, Uint8Array, Uint8Array, number], number>(
      'int EVP_EncryptUpdate(void*, void*, void*, const void*, int)',
    ),
    poly1305Size: bind<[], number>('size_t Poly1305_ctx_size()')(),
    poly1305Init: bind<[Uint8Array, Uint8Array], void>('void Poly1305_Init(void*, const void*)'),
    poly1305Update: bind<[Uint8Array, Uint8Array, number], void>('void Poly1305_Update(void*, const void*, size_t)'),
    poly1305Final: bind<[Uint8Array, Uint8Array], void>('void Poly1305_Final(void*, void*)'),
    sha256: bind<[Uint8Array, number, Uint8Array], void>('void SHA256(const void*, size_t, void*)'),
    sha256Init: bind<[Uint8Array], number>('int SHA256_Init(void*)'),
    sha256Update: bind<[Uint8Array, Uint8Array, number], number>('int SHA256_Update(void*, const void*, size_t)'),
    sha256Final: bind<[Uint8Array, Uint8Array], number>('int SHA256_Final(void*, void*)'),
    createCompressor: bind<[], Pointer>('void* ZSTD_createCCtx()'),
    freeCompressor: bind<[Pointer], ZstdResult>('size_t ZSTD_freeCCtx(void*)'),
    setCompressor: bind<[Pointer, number, number], ZstdResult>('size_t ZSTD_CCtx_setParameter(void*, int, int)'),
    compress: bind<[Pointer, Uint8Array, number, Uint8Array, number], ZstdResult>(
      'size_t ZSTD_compress2(void*, void*, size_t, const void*, size_t)',
    ),
    createDecompressor: bind<[], Pointer>('void* ZSTD_createDCtx()'),
    freeDecompressor: bind<[Pointer], ZstdResult>('size_t ZSTD_freeDCtx(void*)'),
    decompress: bind<[Pointer, Uint8Array, number, Uint8Array, number], ZstdResult>(
      'size_t ZSTD_decompressDCtx(void*, void*, size_t, const void*, size_t)',
    ),
    frameLength: bind<[Uint8Array, number], ZstdResult>('size_t ZSTD_findFrameCompressedSize(const void*, size_t)'),
    errorName: bind<[ZstdResult], string>('const char* ZSTD_getErrorName(size_t)'),
  }
}

/** Undefined where this Node binary has no such function (it is made for x86-64 only). */
function bindMultiBlock(koffi: Koffi): MultiBlock | undefined {
  try {
    const run = koffi
      .load(null)
      .func('void sha256_multi_block(void*, const void*, int)') as unknown as MultiBlock['run']
    return { run, addressOf: koffi.address }
  } catch {
    return undefined
  }
}

class FastCipher implements SealCipher {
  readonly #native: Native
  readonly #ctr: Pointer
  readonly #ecb: Pointer
  readonly #oneTimeKey = Buffer.alloc(32)
  readonly #secondHalf = this.#oneTimeKey.subarray(16)
  readonly #poly1305: Buffer
  readonly #written = Buffer.alloc(4)
  #open = true

  constructor(native: Native, key: MasterKey) {
    this.#native = native
    this.#poly1305 = Buffer.alloc(native.poly1305Size)
    this.#oneTimeKey.set(key.macR)
    this.#ctr = native.createCipher()
    this.#ecb = native.createCipher()
    expectOne(native.initCipher(this.#ctr, native.aes256Ctr, null, key.encrypt, null))
    expectOne(native.initCipher(this.#ecb, native.aes128Ecb, null, key.macK, null))
  }

  crypt(iv: Uint8Array, input: Uint8Array, output: Uint8Array): void {
    const { initCipher, encrypt } = this.#native
    expectOne(initCipher(this.#ctr, null, null, null, iv))
    if (input.length <= longestCipherPiece) {
      if (input.length > 0) expectOne(encrypt(this.#ctr, output, this.#written, input, input.length))
      return
    }
    for (let at = 0; at < input.length; at += longestCipherPiece) {
      const piece = input.subarray(at, at + longestCipherPiece)
      expectOne(encrypt(this.#ctr, output.subarray(at), this.#written, piece, piece.length))
    }
  }

  authenticate(iv: Uint8Array, bytes: Uint8Array, tag: Uint8Array): void {
    const { encrypt, poly1305Init, poly1305Update, poly1305Final } = this.#native
    expectOne(encrypt(this.#ecb, this.#secondHalf, this.#written, iv, 16))
    poly1305Init(this.#poly1305, this.#oneTimeKey)
    poly1305Update(this.#poly1305, bytes, bytes.length)
    poly1305Final(this.#poly1305, tag)
  }

  [Symbol.dispose](): void {
    if (!this.#open) return
    this.#open = false
    this.#native.freeCipher(this.#ctr) // OpenSSL wipes the keys in it
    this.#native.freeCipher(this.#ecb)
    this.#oneTimeKey.fill(0)
    this.#poly1305.fill(0)
  }
}

function expectOne(result: number): void {
  if (result !== 1) throw new Error('OpenSSL refused to encrypt')
}

/** Larger than OpenSSL's SHA256_CTX (112 bytes) in every version. */
const sha256StateLength = 256

function createFastHasher(native: Native): Hasher {
  return {
    sha256(bytes, out, outOffset = 0) {
      checkRoom(out, outOffset)
      native.sha256(bytes, bytes.length, outOffset === 0 ? out : out.subarray(outOffset))
    },
    start() {
      const state = Buffer.alloc(sha256StateLength)
      let running = native.sha256Init(state) === 1
      const assertRunning = (): void => {
        if (!running) throw new Error('this hash is finished')
      }
      return {
        update(bytes) {
          assertRunning()
          native.sha256Update(state, bytes, bytes.length)
        },
        finish(out, outOffset = 0) {
          assertRunning()
          checkRoom(out, outOffset)
          running = false
          native.sha256Final(out.subarray(outOffset, outOffset + hashLength), state)
        },
      }
    },
  }
}

/** Bytes, or an error: zstd returns errors as the highest size_t values, which koffi gives as bigint. */
type ZstdResult = number | bigint

const compressionLevelParameter = 100
const dstSizeTooSmall = 70n

class FastZstd implements Zstd, Disposable {
  readonly #native: Native
  #compressor: Pointer
  #decompressor: Pointer
  #level: number | undefined
  #tuning: Tuning | undefined

  constructor(native: Native) {
    this.#native = native
    this.#compressor = native.createCompressor()
    this.#decompressor = native.createDecompressor()
  }

  compress(src: Uint8Array, dst: Uint8Array, level: number): number {
    if (this.#compressor === undefined) throw disposed()
    const tuning = tuningFor(level, src.length)
    if (level !== this.#level || tuning !== this.#tuning) this.#tune(level, tuning)
    const result = this.#native.compress(this.#compressor, dst, dst.length, src, src.length)
    if (typeof result === 'number') return result
    if (BigInt.asUintN(64, -result) === dstSizeTooSmall) return 0
    throw new Error(`zstd cannot compress: ${this.#native.errorName(result)}`)
  }

  #tune(level: number, tuning: Tuning): void {
    for (const [parameter, value] of [[compressionLevelParameter, level] as const, ...tuningParameters(tuning)]) {
      const result = this.#native.setCompressor(this.#compressor, parameter, value)
      if (typeof result === 'bigint') throw new Error(`zstd takes no such parameter: ${this.#native.errorName(result)}`)
    }
    this.#level = level
    this.#tuning = tuning
  }

  decompress(src: Uint8Array, dst: Uint8Array): void {
    if (this.#decompressor === undefined) throw disposed()
    checkFrame(src)
    // The decompressor would go on with further frames; the format has exactly one.
    const frame = this.#native.frameLength(src, src.length)
    if (typeof frame === 'bigint') throw broken(this.#native.errorName(frame))
    if (frame !== src.length) throw broken('something follows the end')
    const result = this.#native.decompress(this.#decompressor, dst, dst.length, src, src.length)
    if (typeof result === 'bigint') throw broken(this.#native.errorName(result))
    if (result !== dst.length) throw wrongLength(result, dst.length)
  }

  [Symbol.dispose](): void {
    if (this.#compressor !== undefined) this.#native.freeCompressor(this.#compressor)
    if (this.#decompressor !== undefined) this.#native.freeDecompressor(this.#decompressor)
    this.#compressor = this.#decompressor = undefined
  }
}

function disposed(): Error {
  return new Error('zstd has been disposed')
}

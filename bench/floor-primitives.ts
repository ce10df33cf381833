import { createRequire } from 'node:module'

/**
 * The primitives that every backup in this format needs, as fast as this machine has them: OpenSSL's and zstd's own
 * functions inside the Node binary, each called once for each blob and nothing around it. They are bound here anew, apart
 * from those of the program: the floor must not move when the program does.
 */
export class FloorPrimitives {
  readonly #native = bindFunctions()
  readonly #ctr = this.#native.createCipher()
  readonly #compressor = this.#native.createCompressor()
  readonly #decompressor = this.#native.createDecompressor()
  readonly #poly1305 = Buffer.alloc(this.#native.poly1305Size)
  readonly #key = Buffer.alloc(32, 7)
  readonly #iv = Buffer.alloc(16, 9)
  readonly #tag = Buffer.alloc(16)
  readonly #hash = Buffer.alloc(32)
  readonly #written = Buffer.alloc(4)

  constructor() {
    this.#native.initCipher(this.#ctr, this.#native.aes256Ctr, null, this.#key, this.#iv)
    this.#native.setCompressor(this.#compressor, 100, 3)
  }

  sha256(bytes: Uint8Array): void {
    this.#native.sha256(bytes, bytes.length, this.#hash)
  }

  /** AES-256-CTR; input and output may be the same. */
  aes(input: Uint8Array, output: Uint8Array): void {
    this.#native.initCipher(this.#ctr, null, null, null, this.#iv)
    this.#native.encrypt(this.#ctr, output, this.#written, input, input.length)
  }

  poly1305(bytes: Uint8Array): void {
    this.#native.poly1305Init(this.#poly1305, this.#key)
    this.#native.poly1305Update(this.#poly1305, bytes, bytes.length)
    this.#native.poly1305Final(this.#poly1305, this.#tag)
  }

  /** zstd at level 3; returns the number of bytes. */
  compress(src: Uint8Array, dst: Uint8Array): number {
    return expectLength(this.#native.compress(this.#compressor, dst, dst.length, src, src.length))
  }

  decompress(src: Uint8Array, dst: Uint8Array): number {
    return expectLength(this.#native.decompress(this.#decompressor, dst, dst.length, src, src.length))
  }
}

type Pointer = unknown

function bindFunctions() {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  const library = koffi.load(null)
  const bind = <Arguments extends unknown[], Result>(declaration: string) =>
    library.func(declaration) as unknown as (...values: Arguments) => Result
  return {
    createCipher: bind<[], Pointer>('void* EVP_CIPHER_CTX_new()'),
    aes256Ctr: bind<[], Pointer>('void* EVP_aes_256_ctr()')(),
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
    createCompressor: bind<[], Pointer>('void* ZSTD_createCCtx()'),
    setCompressor: bind<[Pointer, number, number], void>('size_t ZSTD_CCtx_setParameter(void*, int, int)'),
    compress: bind<[Pointer, Uint8Array, number, Uint8Array, number], number | bigint>(
      'size_t ZSTD_compress2(void*, void*, size_t, const void*, size_t)',
    ),
    createDecompressor: bind<[], Pointer>('void* ZSTD_createDCtx()'),
    decompress: bind<[Pointer, Uint8Array, number, Uint8Array, number], number | bigint>(
      'size_t ZSTD_decompressDCtx(void*, void*, size_t, const void*, size_t)',
    ),
  }
}

// zstd returns errors as the highest numbers, which koffi gives as bigint.
function expectLength(result: number | bigint): number {
  if (typeof result === 'bigint') throw new Error('zstd failed while the floor was measured.')
  return result
}

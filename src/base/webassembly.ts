/**
 * The part of WebAssembly that we use. TypeScript declares it only together with the whole browser (`lib.dom`), which
 * would let names of the browser into code that has none.
 */
export interface WebAssemblyDoor {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> }
  readonly Memory: new (pages: { readonly initial: number; readonly maximum?: number }) => {
    readonly buffer: ArrayBuffer
  }
}

export const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyDoor }

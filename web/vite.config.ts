import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

const WORTHWHILE = /\.(?:js|css|html|svg|json)$/
const LEAST_BYTES = 512

/** Writes each file compressed beside itself, and a list of the assets for the service worker. */
function finished(): Plugin {
  return {
    name: 'sinpluma-finished',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const names = Object.keys(bundle).filter((name) => name.startsWith('assets/'))
        const list = JSON.stringify(names.map((name) => `/${name}`))
        this.emitFile({ type: 'asset', fileName: 'assets.json', source: list })
        for (const [fileName, item] of Object.entries(bundle)) {
          const source = Buffer.from(item.type === 'chunk' ? item.code : item.source)
          if (!WORTHWHILE.test(fileName) || source.length < LEAST_BYTES) continue
          this.emitFile({ type: 'asset', fileName: `${fileName}.br`, source: brotli(source) })
          this.emitFile({ type: 'asset', fileName: `${fileName}.gz`, source: gzipSync(source, { level: 9 }) })
        }
      },
    },
  }
}

function brotli(source: Buffer): Buffer {
  return brotliCompressSync(source, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })
}

/** Where `npm run dev` finds the service. */
const service = process.env.SINPLUMA_URL ?? 'http://127.0.0.1:5000'
const backstage = ['/api', '/internal', '/docs', '/openapi.json', '/healthz', '/readyz', '/metrics']

export default defineConfig({
  plugins: [finished()],
  build: { target: 'es2023', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
  server: { proxy: Object.fromEntries(backstage.map((path) => [path, { target: service, changeOrigin: false }])) },
})

import { WebglAddon } from '@xterm/addon-webgl'
import type { Terminal } from '@xterm/xterm'

// Rasterizers that run on the processor: Chromium's and Firefox's, Mesa's, Windows'.
const software = /swiftshader|llvmpipe|softpipe|software|basic render/i

/**
 * Draws with the GPU where there is one. xterm.js's DOM renderer stays when WebGL would run in software: that costs
 * the time in which output is parsed, and a flood of it could not be interrupted at once. It also takes over when
 * the browser takes the context away (it keeps 16 per page).
 */
export function addGpuRenderer(terminal: Terminal): void {
  if (!hasGpu()) return
  try {
    const webgl = new WebglAddon()
    webgl.onContextLoss(() => webgl.dispose())
    terminal.loadAddon(webgl)
  } catch {
    // The DOM renderer is already there.
  }
}

function hasGpu(): boolean {
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('webgl2', { failIfMajorPerformanceCaveat: true })
  if (context === null) return false
  const info = context.getExtension('WEBGL_debug_renderer_info')
  const renderer: unknown = context.getParameter(info?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER)
  context.getExtension('WEBGL_lose_context')?.loseContext()
  return !software.test(String(renderer))
}

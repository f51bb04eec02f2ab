<<<<<<<< HEAD:src/secondsite/api/built_console/assets/resizeObserver-Bvmbl0tA.js
import{M as e}from"./state-BOHQUEWn.js";var t=(t,n,r)=>{let i;if(e){let{ResizeObserver:e}=window;if(t&&e){let a=new e(e=>{r?window.requestAnimationFrame(()=>{Array.isArray(e)&&e.length>0&&n()}):Array.isArray(e)&&e.length>0&&n()});a.observe(t),i=()=>a.unobserve(t)}else window.addEventListener(`resize`,n),i=()=>window.removeEventListener(`resize`,n)}return()=>{i&&i()}};export{t};
========
import{j as e}from"./state-DlyhVU30.js";var t=(t,n,r)=>{let i;if(e){let{ResizeObserver:e}=window;if(t&&e){let a=new e(e=>{r?window.requestAnimationFrame(()=>{Array.isArray(e)&&e.length>0&&n()}):Array.isArray(e)&&e.length>0&&n()});a.observe(t),i=()=>a.unobserve(t)}else window.addEventListener(`resize`,n),i=()=>window.removeEventListener(`resize`,n)}return()=>{i&&i()}};export{t};
>>>>>>>> 005fbfb6 (Security keys are a second factor where the vault has a name):src/secondsite/api/built_console/assets/resizeObserver-a8UMdcJp.js
